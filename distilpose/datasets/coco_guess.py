"""COCO annotation files of one's own data: keypoint names and skeleton, image folder, split into train and val."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilpose.annotations import check_content
from distilpose.annotations.summary import expected_of
from distilpose.errors import DistilPoseError
from distilpose.host import data_files

_LOOKED_AT = 200
"""Images of a file whose names are looked for in a folder."""


@dataclass(frozen=True)
class CocoFile:
    """An annotation file, read."""

    path: Path
    content: Mapping[str, Any]

    @property
    def labelled(self) -> list[dict[str, Any]]:
        """Annotations with a labelled keypoint."""
        return [one for one in self.content['annotations'] if any((one.get('keypoints') or ())[2::3])]

    @property
    def has_areas(self) -> bool:
        """Whether all annotations have an area, which COCO's evaluation reads."""
        return all('area' in one for one in self.content['annotations'])


def read_coco(path: Path) -> CocoFile:
    """Reads an annotation file, and checks its content.

    Raises:
        DistilPoseError: it is missing, is no JSON, or has content that cannot be used.
    """
    if not path.is_file():
        raise DistilPoseError(f'there is no annotation file {path}; expected a JSON file with images, annotations and '
                              'categories')
    content = data_files.read_annotations(path)
    check_content(content, expected_of(content), path=path, named_by='')
    return CocoFile(path, content)


def count_keypoints(file: CocoFile) -> int:
    """How many keypoints an annotation has."""
    return next(len(one['keypoints']) // 3 for one in file.content['annotations'] if one.get('keypoints'))


def names_and_skeleton(file: CocoFile) -> tuple[list[str] | None, list[tuple[int, int]]]:
    """Names of the keypoints, ``None`` if no category has them, and skeleton links, indices from 0.

    Raises:
        DistilPoseError: categories have different keypoints, or a link has no keypoint.
    """
    named = [one for one in file.content['categories'] if one.get('keypoints')]
    if not named:
        return None, []
    first = named[0]
    other = next((one for one in named if one['keypoints'] != first['keypoints']), None)
    if other is not None:
        raise DistilPoseError(f'the categories {first.get("name")!r} and {other.get("name")!r} of {file.path} have '
                              'different keypoints; write a file of its own for each')
    names = first['keypoints']
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DistilPoseError(f'the keypoints of category {first.get("name")!r} of {file.path} are {names!r:.60}; '
                              'expected a list of names')
    return names, _links(first, len(names), file.path)


def _links(category: Mapping[str, Any], count: int, path: Path) -> list[tuple[int, int]]:
    """COCO counts from 1; a list with a 0 counts from there."""
    links = category.get('skeleton') or []
    name = f'the skeleton of category {category.get("name")!r} of {path}'
    if not isinstance(links, list) or not all(
            isinstance(link, list) and len(link) == 2 and all(type(end) is int for end in link) for link in links):
        raise DistilPoseError(f'{name} is {links!r:.60}; expected pairs of keypoints, counted from 1')
    start = 0 if any(0 in link for link in links) else 1
    for link in links:
        wrong = next((end for end in link if not 0 <= end - start < count), None)
        if wrong is not None:
            raise DistilPoseError(f'{name} links {link[0]} and {link[1]}, and there is no keypoint {wrong}; expected '
                                  f'{start} to {count - 1 + start}')
    return [(one - start, other - start) for one, other in links]


def find_images(file: CocoFile, folder: Path | None) -> Path:
    """The folder that the names of a file's images start from.

    Args:
        file: the annotations.
        folder: the one to take; ``None`` looks beside the file, in its folder's parent, and in the folders in both.

    Raises:
        DistilPoseError: images are missing there, or several folders have them all.
    """
    names = [image['file_name'] for image in file.content['images'][:_LOOKED_AT]]
    if folder is not None:
        missing = next((name for name in names if not (folder / name).is_file()), None)
        if missing is not None:
            raise DistilPoseError(f'there is no image {folder / missing}, which {file.path} names; say with --images '
                                  'which folder the names start from')
        return folder
    counts = folders_with_images(file)
    complete = [place for place, count in counts.items() if count == len(names)]
    if len(complete) == 1 or complete and all(Path(name).is_absolute() for name in names):
        return complete[0]
    if complete:
        raise DistilPoseError(f'the images of {file.path} are in {" and in ".join(map(str, complete[:3]))}; say '
                              'with --images which to take')
    best = max(counts, key=lambda place: counts[place])
    found = f'; {best} has {counts[best]} of the first {len(names)}' if counts[best] else ''
    raise DistilPoseError(f'the images of {file.path}, such as {names[0]}, are in no folder beside it{found}; name '
                          'theirs with --images')


def folders_with_images(file: CocoFile) -> dict[Path, int]:
    """Folders beside a file, in its folder's parent, and in both -> how many of its first images each has."""
    names = [image['file_name'] for image in file.content['images'][:_LOOKED_AT]]
    beside = file.path.absolute().parent
    candidates = [beside, *_folders(beside), beside.parent, *_folders(beside.parent)]
    return {place: sum((place / name).is_file() for name in names) for place in dict.fromkeys(candidates)}


def _folders(place: Path) -> list[Path]:
    return sorted(entry for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith('.'))


def find_validation(path: Path) -> Path | None:
    """The validation file beside a training file, by its name: ``train`` -> ``val``, ``valid``."""
    start, word, end = path.name.rpartition('train')
    if not word:
        return None
    return next((other for name in ('val', 'valid', 'validation') if (other := path.with_name(start + name + end))
                 .is_file()), None)


def split(file: CocoFile, fraction: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits a file by image, the same way each time: by the hash of an image's name.

    An image that is listed several times, under several ids, is on one side.

    Args:
        file: the annotations.
        fraction: of the images with labelled keypoints, for validation; at least one image on either side.

    Returns:
        Contents for training, with all images that are not labelled, and for validation.

    Raises:
        DistilPoseError: fewer than two images are labelled.
    """
    images, annotations = file.content['images'], file.content['annotations']
    labelled = {one.get('image_id') for one in file.labelled}
    names = {image['id']: posixpath.normpath(image['file_name']) for image in images}
    ordered = sorted({names[number] for number in labelled if number in names},
                     key=lambda name: hashlib.sha256(name.encode('utf-8', 'surrogatepass')).digest())
    if len(ordered) < 2:
        raise DistilPoseError(f'{len(ordered)} of the {len(images)} images of {file.path} have labelled keypoints; '
                              'expected two at least, one of them for validation')
    count = min(max(round(fraction * len(ordered)), 1), len(ordered) - 1)
    first = set(ordered[:count])
    chosen = {number for number, name in names.items() if name in first}

    def half(is_val: bool) -> dict[str, Any]:
        return dict(file.content, images=[one for one in images if (one['id'] in chosen) == is_val],
                    annotations=[one for one in annotations if (one.get('image_id') in chosen) == is_val])
    return half(False), half(True)
