"""Content of annotation and detection files, checked: ids, boxes, keypoints, categories."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from distilpose.errors import DistilPoseError

from .findings import Expected, Findings

_LARGEST = 1e9
"""Of a number of pixels; no image is that large, and float32 computes with larger ones until it has infinity."""
_PERSON = 1  # the category whose boxes mmpose takes

Entry = Mapping[str, Any]


class File:
    """An annotation file, and how it is named in messages."""

    def __init__(self, path: Path, named_by: str) -> None:
        self.path, self.named_by = path, named_by

    def error(self, where: str, found: str, expected: str) -> DistilPoseError:
        """``<where> of <file> <found>; expected <expected> ...``."""
        option = self.named_by.replace('[', '.').replace(']', '')
        return DistilPoseError(f'{where} {self.path} (named by {self.named_by}) {found}; expected {expected}: correct '
                               f'the file, or name another one with --cfg-options {option}=FILE')


def check_content(content: Any, expected: Expected, *, path: str | Path, named_by: str) -> Findings:
    """Checks what an annotation file in COCO format holds, in one pass.

    Args:
        content: the parsed JSON, as :func:`~distilpose.host.data_files.read_annotations` returns it; not changed.
        expected: what is read of it.
        path: the file, for messages.
        named_by: the place in the config that names it, ``train_dataloader.dataset.ann_file``; for messages.

    Raises:
        DistilPoseError: the file cannot be used; names file, entry, field, found, expected and what to change.
    """
    file, fields = File(Path(path), named_by), dict(expected.fields)
    images = _entries(content, 'images', file)
    categories = _entries(content, 'categories', file) if expected.needs_categories or 'categories' in content else []
    _check_keys(categories, ('id', ), 'category', file)
    _check_order(categories, fields.get('keypoints'), file)
    if not expected.has_people and 'annotations' not in content:
        return Findings(str(path))
    people = _entries(content, 'annotations', file)
    numbers = _check_images(images, expected, file)
    if expected.is_standard:
        _check_keys(people, expected.person_keys, 'annotation', file)
        _check_ids(people, numbers, file)
    _check_people(people, images, expected, file)
    counted = {category['id'] for category in categories} if expected.needs_categories else None
    usable = [person for person in people if _is_usable(person, fields)
              and (counted is None or person['category_id'] in counted)]
    if expected.has_people and not usable:
        raise file.error('nobody in', f'has a box and a labelled joint, of {len(people)} annotations',
                         'annotations of people with keypoints')
    return Findings(str(path), people=len(people), used=len(usable))


def _entries(content: Mapping[str, Any], name: str, file: File) -> list[Entry]:
    found = content.get(name)
    if not isinstance(found, list):
        kind = f'is a {type(found).__name__}' if name in content else f'is missing, there is only {sorted(content)[:6]}'
        raise file.error(f'the list {name!r} of', kind, f'a list of {name}')
    if not found and name != 'annotations':
        raise file.error(f'the list {name!r} of', 'is empty', f'at least one of the {name}')
    for place, entry in enumerate(found):
        if not isinstance(entry, dict):
            raise file.error(f'entry {place} of {name!r} of', f'is {entry!r:.60}', 'a dictionary')
    return found


def _check_order(categories: Sequence[Entry], joints: Sequence[str] | None, file: File) -> None:
    """Refuses a file that names the joints of the data set in another order; one that has other names may be right."""
    for category in categories:
        names = category.get('keypoints')
        if joints is None or not isinstance(names, list) or names == list(joints) or (
                sorted(map(str, names)) != sorted(joints)):
            continue
        place = next(index for index, name in enumerate(joints) if names[index] != name)
        raise file.error(f'joint {place} of category {category.get("name")!r} of', f'is {names[place]!r}',
                         f'{joints[place]!r}, as in the data set')


def _check_images(images: Sequence[Entry], expected: Expected, file: File) -> set[Any]:
    """Checks the keys of all images; returns their ids."""
    _check_keys(images, expected.image_keys, 'image', file)
    names: dict[Any, Any] = {}
    for image in images:
        number, name = image['id'], image.get('file_name')
        if not _is_whole(number):
            raise file.error(f'the id of an image ({name!r:.60}) of', f'is {number!r:.60}', 'a whole number')
        if 'file_name' in expected.image_keys and not isinstance(name, str):
            raise file.error(f'the file_name of image {number} of', f'is {name!r:.60}', 'the name of an image file')
        if names.setdefault(number, name) != name:
            raise file.error(f'the id {number} in', f'belongs to two images, {names[number]!r} and {name!r}',
                             'an id of its own for every image')
    return set(names)


def _check_keys(entries: Sequence[Entry], keys: Sequence[str], kind: str, file: File) -> None:
    for key in keys:
        for place, entry in enumerate(entries):
            if key not in entry:
                name = f'{kind} {entry["id"]!r}' if 'id' in entry else f'{kind} number {place}'
                other = ', or set use_area=False in the evaluator, which takes a part of the box' * (key == 'area')
                raise file.error(f'{name} of', f'has no {key}, only {sorted(map(str, entry))}',
                                 f'{key} in every {kind}{other}')


def _check_ids(people: Sequence[Entry], images: Collection[Any], file: File) -> None:
    numbers = set()
    for person in people:
        number, image = person['id'], person['image_id']
        if not _is_number(number):
            raise file.error('the id of an annotation of', f'is {number!r:.60}', 'a whole number')
        if number in numbers:
            raise file.error(f'the id {number} in', 'belongs to several annotations, of which only the last one would '
                             'be used', 'an id of its own for every annotation of the file')
        numbers.add(number)
        if not _is_number(image) or image not in images:
            raise file.error(f'the image_id of annotation {number} of', f'is {image!r:.60}, which is no image of the '
                             'file', 'the id of an image in the list of images')
        if not _is_number(person['category_id']):
            raise file.error(f'the category_id of annotation {number} of', f'is {person["category_id"]!r:.60}',
                             'a whole number')


def _check_people(people: Sequence[Entry], images: Sequence[Entry], expected: Expected, file: File) -> None:
    """Checks the numbers of those who have joints; everybody else is left out by mmpose, or ignored."""
    fields = dict(expected.fields)
    with_joints = [person for person in people if _has_joints(person, fields)]
    if expected.is_standard:
        _check_keys(with_joints, (*fields, *expected.keys_with_keypoints), 'annotation', file)
        for name, joints in expected.fields:
            _check_joints(with_joints, name, joints, file)
        _check_numbers(with_joints, 'bbox', 4, 'x, y, width, height in pixels', file)
        if 'file_name' in expected.image_keys:
            _check_sizes(with_joints, images, file)
    else:
        for name in fields:
            _check_joints([person for person in with_joints if isinstance(person.get(name), list)], name, None, file,
                          is_triple=False)
    for person in people:
        if 'area' in person and not _is_finite(person['area']):
            raise file.error(f'the area of annotation {person.get("id")} of', f'is {person["area"]!r:.60}',
                             'a finite number of pixels')


def _has_joints(person: Entry, fields: Collection[str]) -> bool:
    """Whether the joints of an annotation are read: always for the whole body, else where it has some."""
    return len(fields) > 1 or any(name in person and (person[name] != [] or person.get('num_keypoints'))
                                  for name in fields)


def _check_joints(people: Sequence[Entry], name: str, joints: Sequence[str] | None, file: File, *,
                  is_triple: bool = True) -> None:
    lists = [person[name] for person in people]
    for person, values in zip(people, lists, strict=True):
        if not isinstance(values, list) or (is_triple and not _has_length(values, joints)):
            found = f'are {len(values)} numbers' if isinstance(values, list) else f'are {values!r:.60}'
            count = '3 numbers (x, y, visibility) for each joint' if joints is None else (
                f'{3 * len(joints)}: x, y, visibility of each of the {len(joints)} joints of the data set')
            raise file.error(f'the {name} of annotation {person.get("id")} of', found, count)
    if _are_finite(lists):
        return
    for person, values in zip(people, lists, strict=True):
        for place, value in enumerate(values):
            if not _is_finite(value):
                joint = str(place // 3) if joints is None else joints[place // 3]
                part = ('x', 'y', 'visibility')[place % 3]
                raise file.error(f'{name}: the {part} of joint {joint} of annotation {person.get("id")} of',
                                 f'is {value!r:.60}', 'a finite number, or visibility 0 for a joint that is not known')


def _has_length(values: Sequence[Any], joints: Sequence[str] | None) -> bool:
    return len(values) % 3 == 0 if joints is None else len(values) == 3 * len(joints)


def _check_numbers(people: Sequence[Entry], name: str, count: int, meaning: str, file: File) -> None:
    for person in people:
        values = person[name]
        if not isinstance(values, list) or len(values) != count or not all(map(_is_finite, values)):
            raise file.error(f'the {name} of annotation {person.get("id")} of', f'is {values!r:.60}',
                             f'{count} finite numbers ({meaning})')


def _check_sizes(people: Sequence[Entry], images: Sequence[Entry], file: File) -> None:
    """mmpose cuts boxes at the edge of the image."""
    by_number = {image['id']: image for image in images}
    for number in dict.fromkeys(person['image_id'] for person in people):
        image = by_number[number]
        for side in ('width', 'height'):
            if not _is_finite(image.get(side)) or image[side] <= 0:
                raise file.error(f'the {side} of image {number} of', f'is {image.get(side)!r:.60}',
                                 'a number of pixels above 0')


def _is_usable(person: Entry, fields: Collection[str]) -> bool:
    """Whether mmpose uses an annotation, which depends on the box, the number of joints and their coordinates."""
    if person.get('iscrowd') or person.get('num_keypoints') == 0:
        return False
    box = person.get('bbox')
    if isinstance(box, list) and len(box) == 4 and not (box[2] > 0 and box[3] > 0):
        return False
    return any(isinstance(value, (int, float)) and value > 0 for name in fields for value in person.get(name) or ())


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, float) and math.isfinite(value)


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _are_finite(lists: Sequence[list[Any]]) -> bool:
    """Whether all values of all lists are finite numbers, by two passes in C."""
    if not set(map(type, chain.from_iterable(lists))) <= {int, float}:
        return False
    values = list(chain.from_iterable(lists))
    return not values or (max(values) <= _LARGEST and min(values) >= -_LARGEST and math.isfinite(sum(values)))


def check_detections(boxes: Any, image_ids: Collection[int], *, path: str | Path, named_by: str) -> Findings:
    """Checks the boxes of a detector against the images of the annotations.

    Args:
        boxes: the parsed JSON; not changed.
        image_ids: of the annotation file that is read with it.
        path: the file, for messages.
        named_by: the place in the config that names it, for messages.

    Raises:
        DistilPoseError: as :func:`check_content`.
    """
    file, images = File(Path(path), named_by), set(image_ids)
    if not isinstance(boxes, list) or not all(isinstance(box, dict) for box in boxes):
        raise file.error('the content of', f'is a {type(boxes).__name__}', 'a list of dictionaries with image_id, '
                         'category_id, bbox and score')
    _check_keys(boxes, ('category_id', ), 'box', file)
    people = [box for box in boxes if box['category_id'] == _PERSON]
    if not people:
        raise file.error(f'none of the {len(boxes)} boxes in', f'is of category {_PERSON}, a person', 'boxes of people')
    _check_keys(people, ('image_id', 'bbox', 'score'), 'box', file)
    for place, box in enumerate(people):
        number, corners = box['image_id'], box['bbox']
        if not _is_whole(number) or number not in images:
            raise file.error(f'the image_id of box {place} of', f'is {number!r:.60}, which is no image of the '
                             'annotations', 'the id of an image, a whole number as there')
        if not isinstance(corners, list) or len(corners) < 4 or not all(map(_is_finite, corners[:4])):
            raise file.error(f'the bbox of box {place} of', f'is {corners!r:.60}', 'x, y, width, height in pixels')
        if not _is_finite(box['score']):
            raise file.error(f'the score of box {place} of', f'is {box["score"]!r:.60}', 'a finite number')
    return Findings(str(path), people=len(boxes), used=len(people))
