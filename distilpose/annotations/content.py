"""Content of annotation files in COCO format, checked: lists, categories, images, ids, boxes, keypoints."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from distilpose.host import image_paths

from .columns import (
    LARGEST,
    MISSING,
    Entry,
    column,
    finite_numbers,
    have_all,
    is_number,
    table,
    types_of,
    whole_numbers,
    wrong_places,
)
from .findings import Expected, Finding, Findings, agree
from .messages import File, finding, more
from .overlap import image_digests
from .people import Images, People, read_facts, read_sizes
from .plausibility import check_units, check_visibility, people_warnings
from .usage import count_used

_HUGE = 2**63
_NO_AREA = ', or set use_area=False in the evaluator, which takes a part of the box'


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
    images = _entries(content, 'images', file)
    is_read = expected.needs_categories or content.get('categories', []) != []  # mmpose trains without
    categories = _entries(content, 'categories', file) if is_read else []
    declared = _check_categories(categories, fields.get('keypoints'), file)
    if not expected.has_people and 'annotations' not in content:
        _, warnings = _read_images(images, expected, file)
        return Findings(str(path), warnings=tuple(warnings), image_digests=_digests(images, expected))
    people = _entries(content, 'annotations', file)
    read, warnings = _read_images(images, expected, file)
    if not expected.is_standard:
        return _check_other_form(people, fields, expected, file)
    with_keypoints = _read_people(people, read, expected, file)
    categories_of = column(with_keypoints.entries, 'category_id')
    usage = count_used(with_keypoints, categories_of, declared, expected, total=len(people))
    is_useful = usage.used & (with_keypoints.facts.labelled > 0)
    if expected.has_people and not is_useful.any():
        raise file.error('nobody in', f'has a box and a labelled keypoint, of {len(people)} '
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


def _entries(content: Mapping[str, Any], name: str, file: File) -> list[Entry]:
    found = content.get(name)
    if not isinstance(found, list):
        kind = f'is a {type(found).__name__}' if name in content else (
            f'is missing, there is only {sorted(map(str, content))[:6]}')
        raise file.error(f'the list {name!r} of', kind, f'a list of {name}')
    if not found and name != 'annotations':
        raise file.error(f'the list {name!r} of', 'is empty', f'at least one of the {name}')
    if types_of(found) - {dict}:
        wrong = wrong_places(found, lambda entry: isinstance(entry, dict))
        raise file.error(f'entry {wrong[0]} of {name!r} of', f'is {found[wrong[0]]!r:.60}{more(len(wrong))}',
                         'a dictionary')
    return found


def _check_categories(categories: Sequence[Entry], keypoints: Sequence[str] | None, file: File) -> set[int]:
    """Checks ids and keypoint names of the categories; returns the ids.

    A file that names the keypoints of the data set in another order is refused; one with other names may be right.
    """
    _require(categories, ('id', ), 'category', file)
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


def _require(entries: Sequence[Entry], keys: Collection[str], kind: str, file: File) -> None:
    """Refuses a file in which an entry lacks a key."""
    for key in keys:
        lacking = [] if have_all(entries, key) else (
            [place for place, entry in enumerate(entries) if key not in entry])
        if lacking:
            entry = entries[lacking[0]]
            name = f'{kind} {entry["id"]!r:.40}' if 'id' in entry else f'{kind} number {lacking[0]}'
            raise file.error(f'{name} of', f'has no {key}, only {sorted(map(str, entry))[:12]}{more(len(lacking))}',
                             f'{key} in every {kind}' + _NO_AREA * (key == 'area'))


def _read_ids(entries: Sequence[Entry], key: str, kind: str, file: File) -> np.ndarray:
    """(N,) the ids of all entries, which are whole numbers."""
    values = column(entries, key)
    found = whole_numbers(values)
    if found is None or types_of(values) - {int}:
        wrong = wrong_places(values, lambda value: type(value) is int and abs(value) < _HUGE)
        place, value = wrong[0], values[wrong[0]]
        entry = entries[place]
        name = f'an {kind} ({_title(entry, place)})' if key == 'id' else (
            f'{kind} {entry.get("id")!r:.40}')
        advice = ', without quotes' if isinstance(value, str) and value.lstrip('-').isdecimal() else ''
        raise file.error(f'the {key} of {name} of', f'is {value!r:.60}{more(len(wrong))}', f'a whole number{advice}')
    return found


def _title(entry: Entry, place: int) -> str:
    return f'{entry["file_name"]!r:.60}' if 'file_name' in entry else f'number {place}'


def _read_images(images: Sequence[Entry], expected: Expected, file: File) -> tuple[Images, list[Finding]]:
    """Checks the keys, ids, sizes and names of all images."""
    _require(images, expected.image_keys, 'image', file)
    ids = _read_ids(images, 'id', 'image', file)
    names = column(images, 'file_name')
    if len(np.unique(ids)) < len(ids):
        seen: dict[int, Any] = {}
        for number, name in zip(ids.tolist(), names, strict=True):
            if seen.setdefault(number, name) != name:
                raise file.error(f'the id {number} in', f'belongs to two images, {seen[number]!r} and {name!r}',
                                 'an id of its own for every image')
    read = Images(images, ids, read_sizes(images))
    if 'crowdIndex' in expected.image_keys:
        _check_crowd_index(images, ids, file)
    return read, [] if 'file_name' not in expected.image_keys else [*_check_names(names, ids, expected, file)]


def _check_crowd_index(images: Sequence[Entry], ids: np.ndarray, file: File) -> None:
    values = column(images, 'crowdIndex')
    if finite_numbers(values) is None:
        place = wrong_places(values, is_number)[0]
        raise file.error(f'the crowdIndex of image {ids[place]} of', f'is {values[place]!r:.60}',
                         'a number from 0 to 1')


def _check_names(names: Sequence[Any], ids: np.ndarray, expected: Expected, file: File) -> list[Finding]:
    """Checks the names of image files, which must lie in the folders of the data set."""
    if types_of(names) - {str} or not all(map(str.strip, names)):
        wrong = wrong_places(names, lambda name: isinstance(name, str) and bool(name.strip()))
        raise file.error(f'the file_name of image {ids[wrong[0]]} of', f'is {names[wrong[0]]!r:.60}{more(len(wrong))}',
                         'the name of an image file')
    together = '\n'.join(names)
    if not _is_encodable(together):
        wrong = wrong_places(names, _is_encodable)
        raise file.error(f'the file_name of image {ids[wrong[0]]} of', f'is {names[wrong[0]]!r:.80}{more(len(wrong))}',
                         'the name of an image file: no file has these characters in its name')
    if '://' in together:
        wrong = wrong_places(names, lambda name: '://' not in name)
        raise file.error(f'the file_name of image {ids[wrong[0]]} of', f'is the address {names[wrong[0]]!r:.80}'
                         f'{more(len(wrong))}', f'a file below {expected.folder or "the folder of images"}: download '
                         'the images, and name the files')
    folder = expected.folder or ''
    if '\\' in together and expected.folder is not None:
        wrong = wrong_places(names, lambda name: '\\' not in name or os.path.exists(os.path.join(folder, name)))
        if wrong:
            raise file.error(f'the file_name of image {ids[wrong[0]]} of', f'is {names[wrong[0]]!r:.80}, with the '
                             f'backslashes of Windows{more(len(wrong))}', "'/' between folder and file")
    if expected.folder is not None and ('..' in together or ':' in together or any(
            name[0] == '/' for name in names) or folder not in expected.roots):
        paths = {os.path.join(folder, name): number for name, number in zip(names, ids.tolist(), strict=True)}
        image_paths.check_inside(paths, roots=expected.roots or ('', ), source=str(file.path))
    return _repeated_names(names, ids, file)


def _is_encodable(name: str) -> bool:
    """Whether the system has such names."""
    try:
        return b'\0' not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def _repeated_names(names: Sequence[str], ids: np.ndarray, file: File) -> list[Finding]:
    if len(set(names)) == len(names):
        return []
    counts = Counter(names)
    repeated = np.array([place for place, name in enumerate(names) if counts[name] > 1])
    repeated = repeated[np.unique(ids[repeated], return_index=True)[1]]
    if len({names[place] for place in repeated}) == len(repeated):  # the same image, listed twice with its id
        return []
    return [finding('image under several ids', f'{{count}} images of {file.path} share their file with another image '
                    f'(file_name), as {names[repeated[0]]!r:.60} does: an evaluation takes them for different images; '
                    'the first is {first}', places=repeated, image_ids=ids)]


def _read_people(people: Sequence[Entry], images: Images, expected: Expected, file: File) -> People:
    """Checks ids of all annotations, then the numbers of those with keypoints; others are left out by mmpose."""
    _require(people, expected.person_keys, 'annotation', file)
    ids = _read_ids(people, 'id', 'annotation', file)
    _check_repeated_ids(ids, file)
    image_ids = _read_ids(people, 'image_id', 'annotation', file)
    _read_ids(people, 'category_id', 'annotation', file)
    rows = images.rows(image_ids)
    if (rows < 0).any():
        wrong = np.flatnonzero(rows < 0)
        raise file.error(f'the image_id of annotation {ids[wrong[0]]} of', f'is {image_ids[wrong[0]]}, which is no '
                         f'image of the file{more(len(wrong))}', 'the id of an image in the list of images')
    _check_areas(people, ids, file)
    _check_crowd(people, ids, expected, file)
    chosen = np.flatnonzero(_have_keypoints(people, expected))
    entries = [people[place] for place in chosen.tolist()]
    _require(entries, (*dict(expected.fields), *(key for key in expected.keys_with_keypoints if key != 'bbox')),
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
        _require(people, ('bbox', ), 'annotation', file)
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
        raise file.error('nobody in', f'has a box and a labelled joint, of {len(people)} annotations',
                         'annotations of people with keypoints')
    return Findings(str(file.path), people=len(people), used=usable)


def _is_usable(person: Entry, fields: Collection[str]) -> bool:
    """Whether an annotation of another form can be used, as far as its names say."""
    if person.get('iscrowd') or person.get('num_keypoints') == 0:
        return False
    box = person.get('bbox')
    if isinstance(box, list) and len(box) == 4 and all(map(is_number, box)) and not (box[2] > 0 and box[3] > 0):
        return False
    return any(is_number(value) and value > 0 for name in fields if isinstance(person.get(name), list)
               for value in person[name])
