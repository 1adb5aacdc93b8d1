"""Files of unlabelled images: lists of images, boxes of people, and the split that is held out for validation."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import numpy as np

from distilpose.errors import DistilPoseError
from distilpose.host.data_files import read_json

from .video_frames import VIDEO_SUFFIXES, is_video

SUFFIXES = ('.bmp', '.gif', '.jp2', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')
"""Suffixes of image files, in lower or upper case."""

PARTS = ('all', 'train', 'val')
"""Of images without annotations: all of them, those to train on, and those that are held out."""
_MOST_HELD_OUT, _SHARE_HELD_OUT = 500, 10  # one in ten
_STRETCH = 300  # frames
PERSON = 1
"""COCO's category of people."""
PEOPLE = ('person', 'people', 'human')
"""Names of categories of people, in lower case."""


def list_images(source: Path, root: Path, *, videos: bool = False) -> tuple[Path, list[str]]:
    """Finds images.

    Args:
        source: a folder, searched with all folders in it, links to folders included; or a list of files: a ``.json``
            with a list of names, any other file with one name a line.
        root: the folder that the names of a list begin at.
        videos: whether videos count as well; then the source may be one.

    Returns:
        The folder that the names begin at, and the names: of a folder sorted, of a list in its order.

    Raises:
        DistilPoseError: there is no such folder or file, or it names no images.
    """
    if source.is_dir():
        suffixes = (*SUFFIXES, *VIDEO_SUFFIXES) if videos else SUFFIXES
        names = sorted(name for name in files_below(source) if name.lower().endswith(suffixes))
        if not names:
            raise DistilPoseError(f'the folder {source} has no images (no file in it ends with {", ".join(suffixes)}); '
                                  'change images or data_root of UnlabelledImages')
        return source, names
    if videos and is_video(source):
        return source.parent, [source.name]
    names = _load_json(source) if source.suffix.lower() == '.json' else _read(source).splitlines()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DistilPoseError(f'the list of images {source} must be a list of file names, ["a.jpg", "b/c.png"]; '
                              f'found {json.dumps(names):.60}')
    names = [name.strip() for name in names if name.strip()]
    if not names:
        raise DistilPoseError(f'the list of images {source} is empty; expected names of files, one a line')
    return root, names


def part_of(names: list[str], part: str) -> list[str]:
    """The names of a part, in their order; one of :data:`PARTS`.

    Raises:
        DistilPoseError: there are too few images for two parts.
    """
    if part == 'all':
        return names
    chosen = held_out(names)
    if len(chosen) == len(set(names)):
        raise DistilPoseError(f'there is {len(chosen)} image, and one in {_SHARE_HELD_OUT} is to be held out for '
                              "validation; add images, or train without validation (--no-validate, part='all')")
    return [name for name in names if (name in chosen) == (part == 'val')]


def held_out(names: Iterable[str]) -> set[str]:
    """Names of the images that are not trained on: one in ten, at most 500, those with the smallest SHA-256.

    The same names give the same choice on every machine, and another image changes few of it. Frames of a video, which
    resemble their neighbours, are taken in stretches of 300 frames.
    """
    ranked = sorted(set(names), key=lambda name: (hashlib.sha256(_stretch(name)).digest(), name))
    return set(ranked[:min(-(-len(ranked) // _SHARE_HELD_OUT), _MOST_HELD_OUT)])


def _stretch(name: str) -> bytes:
    """What an image is held out with: itself, or its stretch of a video."""
    video, _, frame = name.rpartition('/')
    number = frame.partition('.')[0]
    if is_video(video) and number.isdecimal():
        name = f'{video}/{int(number) // _STRETCH}'
    return name.encode('utf-8', 'surrogateescape')


def files_below(folder: Path) -> Iterator[str]:
    """Names from the folder; a folder with several names, by links to it, has the first of them."""
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(place, file).relative_to(folder).as_posix() for file in files)


def read_boxes(path: Path) -> dict[str, np.ndarray]:
    """Reads the boxes of people.

    Two forms are read: ``{name: [[x, y, width, height], ...]}``, and COCO's with ``images`` (``id``, ``file_name``)
    and ``annotations`` (``image_id``, ``bbox`` and perhaps ``category_id``, see :func:`people_categories`). Pixels are
    those of the image as it is shown, that is after an EXIF rotation.

    Returns:
        Name -> (N, 4) left, top, width, height; N is 0 for an image that is named and has no box.

    Raises:
        DistilPoseError: there is no such file, or it is another kind of file.
    """
    content = _load_json(path)
    if isinstance(content, dict) and isinstance(content.get('images'), list) and 'annotations' in content:
        content = _boxes_by_name(content, path)
    if not isinstance(content, dict):
        raise DistilPoseError(f'the boxes {path} are a {type(content).__name__}; expected {{"name.jpg": [[x, y, width, '
                              "height], ...]}, or images and annotations as in COCO's files")
    found = {name: _checked(boxes, f'boxes of {name} in {path}') for name, boxes in content.items()}
    first = next((name for name, boxes in found.items() if len(boxes)), None)
    if first is not None and max(boxes.max() for boxes in found.values() if len(boxes)) <= 1:
        raise DistilPoseError(f'the boxes of {first} in {path} are {found[first].tolist()!r:.60}, and no number of any '
                              'box is above 1: shares of the image; expected x, y, width, height in pixels: multiply '
                              'them by width and height of the image')
    return found


def match_names(names: Collection[str], images: Sequence[tuple[str, PurePath]], *, source: object) -> list[str | None]:
    """Finds the name that a file has for each image, whichever folder its names begin at.

    A name is an image's if it is the image's own, or the end of its path, of several names the longest:
    ``images/a.jpg`` for ``/data/images/a.jpg``. Where that holds for no image at all, names may be longer than the
    paths of the images: ``/elsewhere/images/a.jpg`` for ``a.jpg``.

    Args:
        names: of the file.
        images: name of each, from the folder that was named, and path.
        source: the file, for messages.

    Returns:
        The file's name for each image; ``None`` for one that it does not name.

    Raises:
        DistilPoseError: a name fits several images, or an image several names.
    """
    by_parts = {_parts(name): name for name in names}
    found = [next((by_parts[end] for end in _ends(path.parts) if end in by_parts), None) for _, path in images]
    if any(found):
        return _claimed(found, images, source)
    by_image = {_parts(name): index for index, (name, _) in enumerate(images)}
    longer: list[str | None] = [None] * len(images)
    for parts, name in by_parts.items():
        index = next((by_image[end] for end in _ends(parts) if end in by_image), None)
        if index is not None and longer[index] is not None:
            raise DistilPoseError(f'{source} has {longer[index]} and {name}, and either may be the image '
                                  f'{images[index][0]}; expected names of which one fits: name a folder further up '
                                  'as that of the images, or change the names')
        if index is not None:
            longer[index] = name
    return longer


def _claimed(found: Sequence[str | None], images: Sequence[tuple[str, PurePath]], source: object) -> list[str | None]:
    """Assigns each name to one image: the image of that name, or the only one whose path ends with it.

    Where some names are complete paths, shorter names of other images do not count.
    """
    is_whole = [name is not None and len(_parts(name)) >= len(_parts(images[index][0]))
                for index, name in enumerate(found)]
    claims: dict[str, list[int]] = {}
    for index, name in enumerate(found):
        if name is not None and (is_whole[index] or not any(is_whole)):
            claims.setdefault(name, []).append(index)
    kept: list[str | None] = [None] * len(images)
    for name, indices in claims.items():
        exact = [index for index in indices if _parts(images[index][0]) == _parts(name)]
        if len(indices) > 1 and len(exact) != 1:
            raise DistilPoseError(f'{source} has {name}, which may be {images[indices[0]][1]} or '
                                  f'{images[indices[1]][1]}; expected names that tell images apart: begin them at a '
                                  'folder further up, or name one of the images only')
        kept[(exact or indices)[0]] = name
    return kept


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name).parts


def _ends(parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All ends of a path, the longest first."""
    return (parts[start:] for start in range(len(parts)))


def _boxes_by_name(content: dict[str, Any], path: Path) -> dict[str, list[Any]]:
    try:
        names = {image['id']: image['file_name'] for image in content['images']}
        _check_images(content, names, path)
        boxes: dict[str, list[Any]] = {name: [] for name in names.values()}
        categories = people_categories(content.get('categories') or (), content['annotations'], path)
        for person in content['annotations']:
            if person.get('category_id', categories[0]) in categories and not person.get('iscrowd'):
                boxes[names[person['image_id']]].append(person['bbox'])
    except (AttributeError, KeyError, TypeError) as error:
        raise DistilPoseError(f"the boxes {path} are not in COCO's form: {type(error).__name__} {error}; expected id "
                              'and file_name of all images, image_id and bbox of all annotations') from error
    return boxes


def _check_images(content: Mapping[str, Any], names: Mapping[Any, Any], path: Path) -> None:
    """Refuses ids of several images, names that are none, and boxes on images that are not listed."""
    if len(names) < len({(image['id'], image['file_name']) for image in content['images']}):
        seen: dict[Any, Any] = {}
        twice = next(image for image in content['images']
                     if seen.setdefault(image['id'], image['file_name']) != image['file_name'])
        raise DistilPoseError(f'the id {twice["id"]!r} in {path} belongs to two images, {seen[twice["id"]]!r} and '
                              f'{twice["file_name"]!r}; expected an id of its own for every image')
    wrong = next((name for name in names.values() if not (isinstance(name, str) and name)), None)
    if not all(names.values()) or wrong is not None:
        raise DistilPoseError(f'a file_name in {path} is {wrong!r:.60}; expected the name of an image file')
    unknown = next((place for place, person in enumerate(content['annotations']) if person['image_id'] not in names),
                   None)
    if unknown is not None:
        raise DistilPoseError(f'the image_id of box {unknown} in {path} is '
                              f'{content["annotations"][unknown]["image_id"]!r:.60}, which is no image of the file; '
                              'expected the id of an image, of the same type')


def people_categories(categories: Sequence[Mapping[str, Any]], boxes: Sequence[Mapping[str, Any]],
                      path: Path) -> list[Any]:
    """Numbers of the categories whose boxes have keypoints: of people, or of animals or tools of one's own.

    They are those that list keypoints, else the only one, else the one that is called a person; 1, a person, where the
    file has no categories.

    Args:
        categories: of a file of COCO's form, or of the one that names its images.
        boxes: annotations, or results of a detector.
        path: their file, for messages.

    Raises:
        DistilPoseError: no category has keypoints or is called person, or no box is of it.
    """
    found = [one['id'] for one in categories if one.get('keypoints')]
    if not found and len(categories) == 1:
        found = [categories[0]['id']]
    if not found:
        found = [one['id'] for one in categories if str(one.get('name')).lower() in PEOPLE]
    found = found or [PERSON] * (not categories)
    others = sorted({repr(one['category_id']) for one in boxes if one.get('category_id', None) is not None})
    if not found:
        raise DistilPoseError(f'the boxes {path} are of {len(categories)} categories, of which none has keypoints or '
                              'is called person; give the list keypoints to those that are meant, or leave out the '
                              'other categories')
    if boxes and not any(one.get('category_id', found[0]) in found for one in boxes):
        raise DistilPoseError(f'none of the {len(boxes)} boxes in {path} is of category '
                              f'{", ".join(map(repr, found))}, whose keypoints are predicted; found category '
                              f'{", ".join(others[:5])}: change category_id, or the entry categories of the file')
    return found


def _checked(boxes: Any, name: str) -> np.ndarray:
    try:
        found = np.array(boxes, dtype=np.float64).reshape(len(boxes), 4)
    except (TypeError, ValueError):
        found = np.full((1, 4), np.nan)
    if not np.isfinite(found).all() or (found[:, 2:] <= 0).any():
        raise DistilPoseError(f'the {name} are {boxes!r:.80}; expected a list of [x, y, width, height] in pixels, '
                              'width and height above 0')
    return found


def _load_json(path: Path) -> Any:
    try:
        return read_json(path)
    except DistilPoseError as error:
        raise DistilPoseError(f'{error}; UnlabelledImages names it, images must be a folder or a list of files, boxes '
                              'a JSON file, both from data_root') from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else 'it is not text'
        raise DistilPoseError(f'{path}, named by UnlabelledImages, cannot be read ({reason}); images must be a folder '
                              'or a list of files, boxes a JSON file, both from data_root') from error
