"""Annotations of people in COCO format, checked: ids, boxes, areas, crowd marks, counts and keypoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from .columns import (
    MISSING,
    Entry,
    column,
    finite_numbers,
    is_number,
    table,
    types_of,
    whole_numbers,
    wrong_places,
)
from .entries import read_ids, require_keys
from .findings import Expected
from .messages import File, more
from .people import Images, People, read_facts


def read_people(people: Sequence[Entry], images: Images, expected: Expected, file: File) -> People:
    """Checks ids of all annotations, then the numbers of those with keypoints; others are left out by mmpose."""
    require_keys(people, expected.person_keys, 'annotation', file)
    ids = read_ids(people, 'id', 'annotation', file)
    _check_repeated_ids(ids, file)
    image_ids = read_ids(people, 'image_id', 'annotation', file)
    read_ids(people, 'category_id', 'annotation', file)
    rows = images.rows(image_ids)
    if (rows < 0).any():
        wrong = np.flatnonzero(rows < 0)
        raise file.error(f'the image_id of annotation {ids[wrong[0]]} of', f'is {image_ids[wrong[0]]}, which is no '
                         f'image of the file{more(len(wrong))}', 'the id of an image in the list of images')
    _check_areas(people, ids, file)
    _check_crowd(people, ids, expected, file)
    chosen = np.flatnonzero(_have_keypoints(people, expected))
    entries = [people[place] for place in chosen.tolist()]
    require_keys(entries, (*dict(expected.fields), *(key for key in expected.keys_with_keypoints if key != 'bbox')),
             'annotation', file)
    boxes = None
    if 'bbox' in expected.person_keys:
        boxes = _read_boxes(people, ids, file)[chosen]
    elif 'bbox' in expected.keys_with_keypoints:
        boxes = _read_given_boxes(entries, ids[chosen], expected, file)
    sizes = images.sizes[rows[chosen]]
    if 'file_name' in expected.image_keys:
        _check_sizes(images, rows[chosen], file)
    _check_counts(entries, ids[chosen], file)
    lists = [column(entries, name) for name in dict(expected.fields)]
    counts = [_check_lists(of_field, name, keypoints, ids[chosen], file)
              for of_field, (name, keypoints) in zip(lists, expected.fields, strict=True)]
    facts = read_facts(lists, counts, boxes, sizes)
    if facts is None:
        raise _value_error(lists, expected, ids[chosen], file)
    return People(entries, ids[chosen], image_ids[chosen], boxes, sizes, facts)


def _check_repeated_ids(ids: np.ndarray, file: File) -> None:
    found, counts = np.unique(ids, return_counts=True)
    if len(found) < len(ids):
        raise file.error(f'the id {found[counts > 1][0]} in', 'belongs to several annotations, of which only the last '
                         f'one would be used{more(int((counts > 1).sum()))}', 'an id of its own for every annotation '
                         'of the file')


def _check_areas(people: Sequence[Entry], ids: np.ndarray, file: File) -> None:
    values = [value for value in column(people, 'area') if value is not MISSING]
    if finite_numbers(values) is not None:
        return
    values = column(people, 'area')
    wrong = wrong_places(values, lambda value: value is MISSING or is_number(value))
    raise file.error(f'the area of annotation {ids[wrong[0]]} of', f'is {values[wrong[0]]!r:.60}{more(len(wrong))}',
                     'a finite number of pixels')


def _check_crowd(people: Sequence[Entry], ids: np.ndarray, expected: Expected, file: File) -> None:
    """Any text is true: ``iscrowd='0'`` would leave a person out; an evaluator cannot read null."""
    missing = (MISSING, None) if expected.opens_images else (MISSING, )
    values = column(people, 'iscrowd')
    if types_of(values) <= {int, bool, float, *map(type, missing)} and set(values) <= {0, 1, *missing}:
        return
    wrong = wrong_places(values, lambda value: any(value is one for one in missing) or (
        isinstance(value, (int, float)) and value in (0, 1)))
    raise file.error(f'the iscrowd of annotation {ids[wrong[0]]} of', f'is {values[wrong[0]]!r:.60}{more(len(wrong))}',
                     '0, or 1 for a group of people')


def _have_keypoints(people: Sequence[Entry], expected: Expected) -> np.ndarray:
    """(N,) whether the keypoints of an annotation are read: always for the whole body, else where it has some."""
    if len(expected.fields) > 1:
        return np.ones(len(people), dtype=bool)
    name = expected.fields[0][0]
    has_any = [value is not MISSING and value != [] for value in column(people, name)]
    if not all(has_any):  # an empty list: no person, or one whose keypoints were lost
        has_any = [found or name in person and bool(person.get('num_keypoints'))
                   for found, person in zip(has_any, people, strict=True)]
    return np.array(has_any, dtype=bool)


def _read_boxes(people: Sequence[Entry], ids: np.ndarray, file: File) -> np.ndarray:
    values = column(people, 'bbox')
    found = table(values, 4)
    if found is None:
        wrong = wrong_places(values, lambda box: isinstance(box, list) and len(box) == 4 and all(map(is_number, box)))
        raise file.error(f'the bbox of annotation {ids[wrong[0]]} of', f'is {values[wrong[0]]!r:.60}'
                         f'{more(len(wrong))}', '4 finite numbers (x, y, width, height in pixels)')
    return found


def _read_given_boxes(people: Sequence[Entry], ids: np.ndarray, expected: Expected, file: File) -> np.ndarray:
    """(N, 4); NaN where an annotation has none, which data sets leave out."""
    has_box = np.array(['bbox' in person for person in people], dtype=bool)
    if not expected.opens_images or len(expected.fields) > 1 or not has_box.any():
        require_keys(people, ('bbox', ), 'annotation', file)
    boxes = np.full((len(people), 4), np.nan)
    places = np.flatnonzero(has_box)
    boxes[places] = _read_boxes([people[place] for place in places.tolist()], ids[places], file)
    return boxes


def _check_sizes(images: Images, rows: np.ndarray, file: File) -> None:
    """mmpose cuts boxes at the edge of the image."""
    used = np.unique(rows)
    wrong = used[np.isnan(images.sizes[used]).any(axis=1)]
    if len(wrong):
        image = images.entries[wrong[0]]
        side = 'width' if np.isnan(images.sizes[wrong[0], 0]) else 'height'
        state = f'is {image[side]!r:.60}' if side in image else 'is missing'
        raise file.error(f'the {side} of image {image["id"]} of', f'{state}{more(len(wrong))}',
                         'a number of pixels above 0')


def _check_counts(people: Sequence[Entry], ids: np.ndarray, file: File) -> None:
    values = column(people, 'num_keypoints')
    missing = (MISSING, None)  # mmpose takes null for any number above 0
    if whole_numbers([value for value in values if value not in missing]) is None:
        wrong = wrong_places(values, lambda value: value in missing or whole_numbers([value]) is not None)
        raise file.error(f'the num_keypoints of annotation {ids[wrong[0]]} of', f'is {values[wrong[0]]!r:.60}'
                         f'{more(len(wrong))}', 'how many keypoints are labelled, a whole number')


def _check_lists(lists: Sequence[Any], name: str, keypoints: Sequence[str] | None, ids: np.ndarray,
                 file: File) -> int:
    """Checks that every list has the same number of triples; returns how many."""
    lengths = set(map(len, lists)) if types_of(lists) <= {list} else set()
    if keypoints is not None and lengths <= {3 * len(keypoints)} and types_of(lists) <= {list}:
        return len(keypoints)
    if keypoints is None and len(lengths) == 1 and next(iter(lengths)) % 3 == 0:
        return next(iter(lengths)) // 3
    if keypoints is None and not lists:
        return 0
    common = 3 * len(keypoints) if keypoints is not None else next(
        (length for length, _ in Counter(len(values) for values in lists if isinstance(values, list)).most_common()
         if length % 3 == 0), 3)
    wrong = wrong_places(lists, lambda values: isinstance(values, list) and len(values) == common)
    values = lists[wrong[0]]
    found = f'are {len(values)} numbers' if isinstance(values, list) else f'are {values!r:.60}'
    what = f'{common}: x, y, visibility of each of the {common // 3} joints of the data set' if keypoints is not None \
        else f'3 numbers (x, y, visibility) for each joint, {common} as others have'
    raise file.error(f'the {name} of annotation {ids[wrong[0]]} of', found + more(len(wrong)), what)


def _value_error(lists: Sequence[Sequence[Any]], expected: Expected, ids: np.ndarray, file: File) -> Exception:
    """The error about the first value of the keypoints that is no finite number."""
    for of_field, (name, keypoints) in zip(lists, expected.fields, strict=True):
        for number, values in zip(ids.tolist(), of_field, strict=True):
            for place in wrong_places(values, is_number):
                joint = str(place // 3) if keypoints is None else keypoints[place // 3]
                part = ('x', 'y', 'visibility')[place % 3]
                return file.error(f'{name}: the {part} of joint {joint} of annotation {number} of',
                                  f'is {values[place]!r:.60}',
                                  'a finite number, or visibility 0 for a joint that is not known')
    raise AssertionError('all values are finite numbers')
