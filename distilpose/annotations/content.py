"""Content of annotation files in COCO format, checked: lists, categories, images, ids, boxes, keypoints."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .columns import (
    LARGEST,
    Entry,
    column,
    is_number,
    wrong_places,
)
from .entries import entries_of, read_images, require_keys
from .findings import Expected, Findings, agree
from .messages import File
from .overlap import image_digests
from .people import People
from .person_entries import read_people
from .plausibility import check_units, check_visibility, people_warnings
from .usage import count_used


def check_content(content: Mapping[str, Any], expected: Expected, *, path: str | Path, named_by: str) -> Findings:
    """Checks what an annotation file in COCO format holds.

    Args:
        content: the parsed JSON, as :func:`~distilpose.host.data_files.read_annotations` returns it; not changed.
        expected: what is read of it.
        path: the file, for messages.
        named_by: the place in the config that names it, ``train_dataloader.dataset.ann_file``, for messages; ``''``
            where there is no config.

    Raises:
        DistilPoseError: the file cannot be used; names file, entry, field, found, expected and what to change.
    """
    file, fields = File(path, named_by), dict(expected.fields)
    images = entries_of(content, 'images', file)
    is_read = expected.needs_categories or content.get('categories', []) != []  # mmpose trains without
    categories = entries_of(content, 'categories', file) if is_read else []
    declared = _check_categories(categories, fields.get('keypoints'), file)
    if not expected.has_people and 'annotations' not in content:
        _, warnings = read_images(images, expected, file)
        return Findings(str(path), warnings=tuple(warnings), image_digests=_digests(images, expected))
    people = entries_of(content, 'annotations', file)
    read, warnings = read_images(images, expected, file)
    if not expected.is_standard:
        return _check_other_form(people, fields, expected, file)
    with_keypoints = read_people(people, read, expected, file)
    categories_of = column(with_keypoints.entries, 'category_id')
    usage = count_used(with_keypoints, categories_of, declared, expected, total=len(people))
    is_useful = usage.used & (with_keypoints.facts.labelled > 0)
    if expected.has_people and not is_useful.any():
        raise file.error('no person in', f'has a box and a labelled keypoint, of {len(people)} '
                         f'{agree("{annotation|annotations}", len(people))}{usage.reasons()}',
                         'annotations of people with keypoints')
    _check_evaluated_category(with_keypoints, is_useful, expected, file)
    if expected.opens_images and len(fields) == 1:
        check_visibility(with_keypoints, file)
    check_units(with_keypoints, usage, file)
    warnings += people_warnings(with_keypoints, usage, expected, file, declared=declared)
    used_images = np.unique(with_keypoints.image_ids[usage.used])
    return Findings(str(path), len(people), int(usage.used.sum()), len(used_images), usage.left_out,
                    tuple(warnings), _digests(images, expected))


def _digests(images: Sequence[Entry], expected: Expected) -> str:
    return '' if expected.folder is None else image_digests(column(images, 'file_name'), expected.folder)


def _check_categories(categories: Sequence[Entry], keypoints: Sequence[str] | None, file: File) -> set[int]:
    """Checks ids and keypoint names of the categories; returns the ids.

    A file that names the keypoints of the data set in another order is refused; one with other names may be right.
    """
    require_keys(categories, ('id', ), 'category', file)
    seen: dict[Any, Entry] = {}
    for category in categories:
        number, names = category['id'], category.get('keypoints')
        if type(number) is not int:
            raise file.error(f'the id of category {category.get("name")!r:.60} of', f'is {number!r:.60}',
                             'a whole number')
        if seen.setdefault(number, category) != category:
            raise file.error(f'category {number} of', f'is declared twice, as {seen[number].get("name")!r:.40} and as '
                             f'{category.get("name")!r:.40}', 'an id of its own for every category')
        if keypoints is not None and isinstance(names, list) and names != list(keypoints) and (
                sorted(map(str, names)) == sorted(keypoints)):
            place = next(index for index, name in enumerate(keypoints) if names[index] != name)
            raise file.error(f'joint {place} of category {category.get("name")!r} of', f'is {names[place]!r}',
                             f'{keypoints[place]!r}, as in the data set')
    return set(seen)


def _check_evaluated_category(people: People, is_useful: np.ndarray, expected: Expected, file: File) -> None:
    """Predictions of another category than all people would be compared with no person."""
    found = {people.entries[place]['category_id'] for place in np.flatnonzero(is_useful).tolist()}
    if expected.category is not None and found and expected.category not in found:
        raise file.error('the category_id of the people of', f'is {min(found)}, and the predictions are of category '
                         f'{expected.category}', f'category {expected.category} for people')


def _check_other_form(people: Sequence[Entry], fields: Mapping[str, Any], expected: Expected, file: File) -> Findings:
    """Checks what all data sets have in common whose reader of an annotation is their own."""
    usable = 0
    for person in people:
        for name in fields:
            values = person.get(name)
            flat = list(chain.from_iterable(value if isinstance(value, list) else [value] for value in values)) \
                if isinstance(values, list) else []
            wrong = wrong_places(flat, is_number)
            if wrong:
                raise file.error(f'{name}: number {wrong[0]} of annotation {person.get("id")} of',
                                 f'is {flat[wrong[0]]!r:.60}', f'a finite number of a size below {LARGEST:g}')
        if 'area' in person and not is_number(person['area']):
            raise file.error(f'the area of annotation {person.get("id")} of', f'is {person["area"]!r:.60}',
                             'a finite number of pixels')
        usable += _is_usable(person, fields)
    if expected.has_people and not usable:
        raise file.error('no person in', f'has a box and a labelled joint, of {len(people)} annotations',
                         'annotations of people with keypoints')
    return Findings(str(file.path), people=len(people), used=usable)


def _is_usable(person: Entry, fields: Collection[str]) -> bool:
    """Whether an annotation of another form can be used, as far as its keys show."""
    if person.get('iscrowd') or person.get('num_keypoints') == 0:
        return False
    box = person.get('bbox')
    if isinstance(box, list) and len(box) == 4 and all(map(is_number, box)) and not (box[2] > 0 and box[3] > 0):
        return False
    return any(is_number(value) and value > 0 for name in fields if isinstance(person.get(name), list)
               for value in person[name])
