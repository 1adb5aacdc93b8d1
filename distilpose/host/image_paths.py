"""Image paths of annotation files: they stay in the folder of their data set.

A file name in annotations may be absolute, climb with ``../``, or be an address that mmengine downloads from. A
training on annotations of others would read, and ``--show-dir`` copy, any file of the machine.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from distilpose.errors import DistilPoseError

VARIABLE = 'DISTILPOSE_ALLOWED_FOLDERS'


def check_inside(images: Mapping[str, Any], *, roots: Iterable[str | os.PathLike[str] | None], source: str) -> None:
    """Refuses images that lie outside of the folders of a data set.

    Paths are compared as they are written; a link below a folder may lead anywhere, which is the choice of the
    folder's owner.

    Args:
        images: paths, from the current directory, and the id of each image for the message.
        roots: the data set's folders; none, or an empty one, is the current directory. The environment variable
            ``DISTILPOSE_ALLOWED_FOLDERS`` lists further ones, separated like ``PATH``.
        source: the file that names the images.

    Raises:
        DistilPoseError: names the first such image, how many there are, and what to change.
    """
    names = [os.fspath(root or '') for root in roots]
    begins = tuple(f'{name.rstrip("/")}/' for name in names if name)
    doubtful = [path for path in images if '..' in path or '\\' in path or ':' in path or not (
        path.startswith(begins) or ('' in names and path[:1] != '/'))]
    if not doubtful:
        return
    allowed = [entry for entry in os.environ.get(VARIABLE, '').split(os.pathsep) if entry]
    folders = {place for name in (*names, *allowed)
               for place in (os.path.abspath(os.path.expanduser(name)), os.path.realpath(os.path.expanduser(name)))}
    inside = tuple(f'{folder.rstrip(os.sep)}{os.sep}' for folder in folders)
    outside = [path for path in doubtful if '://' in path or not os.path.abspath(path).startswith(inside)]
    if outside:
        path = outside[0]
        more = f', and {len(outside) - 1} more are,' if len(outside) > 1 else ''
        shown = os.path.abspath(path) if '://' not in path else path
        root = ' and '.join(dict.fromkeys(os.path.abspath(name) for name in names))
        raise DistilPoseError(f'image {images[path]} of {source} is {shown!r}{more} outside of the folders of its data '
                              f'set ({root}); correct file_name, set data_root to a folder that has all images, or '
                              f'allow another one in the environment: {VARIABLE}={Path(shown).parent}')


def keep_images_inside() -> None:
    """Lets mmpose's data sets refuse annotations that name images elsewhere."""
    from mmpose.datasets.datasets.base import BaseCocoStyleDataset

    BaseCocoStyleDataset.load_data_list = _checked(BaseCocoStyleDataset.load_data_list)


def accept_images(dataset: Any, images: Mapping[str, Any]) -> None:
    """Refuses images outside of the folders of one of mmpose's data sets, which gets the paths as ``image_files``.

    Args:
        dataset: the data set.
        images: paths, and the id of each image.

    Raises:
        DistilPoseError: as :func:`check_inside`.
    """
    _check(dataset, images)
    dataset.image_files = np.unique(np.array([os.fsencode(path) for path in images], dtype=bytes))


def _check(dataset: Any, images: Mapping[str, Any]) -> None:
    prefix = dataset.data_prefix.get('img') if isinstance(dataset.data_prefix, dict) else None
    roots = [root for root in (dataset.data_root, prefix) if root] or ['']
    check_inside(images, roots=roots, source=str(dataset.ann_file))


def _checked(load: Callable[[Any], list[dict[str, Any]]]) -> Callable[[Any], list[dict[str, Any]]]:
    @functools.wraps(load)
    def load_data_list(self: Any) -> list[dict[str, Any]]:
        people = load(self)
        for key, accept in dict(img_path=accept_images, img_paths=_check).items():
            accept(self, {path: person.get('img_id') for person in people for path in _listed(person.get(key))})
        return people
    return load_data_list


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
