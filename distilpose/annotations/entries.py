"""Entries of annotation files in COCO format, checked: lists, keys, ids, and the names and sizes of images."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from distilpose.host import image_paths

from .columns import (
    Entry,
    column,
    finite_numbers,
    have_all,
    is_number,
    types_of,
    whole_numbers,
    wrong_places,
)
from .findings import Expected, Finding
from .messages import File, finding, more
from .people import Images, read_sizes

_HUGE = 2**63
_NO_AREA = ', or set use_area=False in the evaluator, which takes a part of the box'


def entries_of(content: Mapping[str, Any], name: str, file: File) -> list[Entry]:
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


def require_keys(entries: Sequence[Entry], keys: Collection[str], kind: str, file: File) -> None:
    """Refuses a file in which an entry lacks a key."""
    for key in keys:
        lacking = [] if have_all(entries, key) else (
            [place for place, entry in enumerate(entries) if key not in entry])
        if lacking:
            entry = entries[lacking[0]]
            name = f'{kind} {entry["id"]!r:.40}' if 'id' in entry else f'{kind} number {lacking[0]}'
            raise file.error(f'{name} of', f'has no {key}, only {sorted(map(str, entry))[:12]}{more(len(lacking))}',
                             f'{key} in every {kind}' + _NO_AREA * (key == 'area'))


def read_ids(entries: Sequence[Entry], key: str, kind: str, file: File) -> np.ndarray:
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


def read_images(images: Sequence[Entry], expected: Expected, file: File) -> tuple[Images, list[Finding]]:
    """Checks the keys, ids, sizes and names of all images."""
    require_keys(images, expected.image_keys, 'image', file)
    ids = read_ids(images, 'id', 'image', file)
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
