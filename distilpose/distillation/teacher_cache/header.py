"""Header of a teacher cache: the teacher, data and layout that its outputs depend on, compared before it is used."""

from __future__ import annotations

import json
import os
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distilpose.errors import DistilPoseError

from .layout import RecordLayout

NAME = 'header.json'
_FORMAT, _LARGEST = 1, 1 << 20


def agree_on_header(folder: Path, facts: Mapping[str, str], layout: RecordLayout) -> tuple[RecordLayout, int]:
    """Writes the header of a new cache, or compares that of an existing one.

    Several processes may do so at once: the first header stays, and the others compare theirs with it.

    Args:
        folder: of the cache; made if it is missing.
        facts: from names to short values: what all outputs depend on.
        layout: of the fields that this run reads.

    Returns:
        The layout of the cache, which may hold more fields, and a checksum of facts and layout.

    Raises:
        DistilPoseError: the cache was made with other facts or lacks a field; names it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / NAME
    if not file.exists():
        others = sorted(path.name for path in folder.iterdir() if not path.name.startswith(NAME))
        if others and not file.exists():  # another process writes its header first, then the rest
            raise DistilPoseError(f'{folder} is not empty and no teacher cache (it has {others[0]} and no {NAME}); '
                                  'give the cache a folder of its own')
        text = json.dumps(dict(format=_FORMAT, facts=dict(facts), layout=layout.to_json()), indent=2)
        _create(file, text + '\n')
    found = _read(file)
    _compare(folder, found['facts'], facts)
    try:
        kept = RecordLayout.from_json(found['layout'])
    except (ValueError, TypeError, LookupError) as error:
        raise _unreadable(file, error) from error
    _compare_layouts(folder, kept, layout)
    return kept, zlib.crc32(json.dumps([found['facts'], found['layout']], sort_keys=True).encode())


def _create(file: Path, text: str) -> None:
    """Writes a file as a whole, unless another process did so first."""
    draft = file.with_name(f'{file.name}.{uuid.uuid4().hex}')
    try:
        draft.write_text(text)
        try:
            os.link(draft, file)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _LARGEST:
            raise ValueError(f'it has {file.stat().st_size:,} bytes, and a header has less than {_LARGEST:,}')
        found = json.loads(file.read_text(encoding='utf-8'))
        version, stored = found['format'], found['facts']
        if not isinstance(stored, dict) or not all(isinstance(value, str) for value in stored.values()):
            raise ValueError('its facts are no texts by name')
        if not isinstance(found['layout'], list):
            raise ValueError('its layout is no list')
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise _unreadable(file, error) from error
    if version != _FORMAT:
        raise DistilPoseError(f'the teacher cache {file.parent} has the format {version}, and this version of the '
                              f'project writes {_FORMAT}; delete it, or name another folder')
    return found


def _unreadable(file: Path, error: Exception) -> DistilPoseError:
    return DistilPoseError(f'{file} cannot be read as the header of a teacher cache ({error}); delete {file.parent}, '
                           'or name another folder')


def _compare(folder: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    names = list(dict.fromkeys([*expected, *found]))
    other = [f'{name} ({found.get(name, "none")} there, {expected.get(name, "none")} here)' for name in names
             if found.get(name) != expected.get(name)]
    if other:
        raise DistilPoseError(f'the teacher cache {folder} was made with a different {", ".join(other)}; name another '
                              'folder for this run, or delete that one')


def _compare_layouts(folder: Path, kept: RecordLayout, expected: RecordLayout) -> None:
    missing = [field for field in expected.fields if field not in kept.fields]
    if missing:
        raise DistilPoseError(f'the teacher cache {folder} keeps {", ".join(kept.fields)}, and the terms also read '
                              f'{", ".join(missing)}; name another folder, or fill it first with a run that has all '
                              'terms')
    shapes = [{(entry.field, entry.shape, entry.maps) for entry in one.entries if entry.field in expected.fields}
              for one in (kept, expected)]
    if shapes[0] != shapes[1]:
        raise DistilPoseError(f"the teacher cache {folder} keeps other shapes than the teacher's "
                              f'({sorted(shapes[0] - shapes[1])} there, {sorted(shapes[1] - shapes[0])} here); name '
                              'another folder, or delete that one')
