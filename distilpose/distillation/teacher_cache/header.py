"""Header of a teacher cache: the teacher, data and layout that its outputs depend on, compared before it is used."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distilpose.errors import DistilPoseError
from distilpose.slot_files import HEADER as NAME
from distilpose.slot_files import HeaderFile

from .layout import LAYERS, RecordLayout


def _check_entries(header: dict[str, Any]) -> None:
    if not isinstance(header['layout'], list):
        raise ValueError('its layout is no list')


_HEADER = HeaderFile('teacher cache', format=1, check=_check_entries)


def agree_on_header(folder: Path, facts: Mapping[str, str], layout: RecordLayout) -> tuple[RecordLayout, int]:
    """Writes the header of a new cache, or compares that of an existing one.

    Args:
        folder: of the cache; made if it is missing.
        facts: from names to short values: what all outputs depend on.
        layout: of the fields that this run reads.

    Returns:
        The layout of the cache, which may hold more fields, and a checksum of facts and layout.

    Raises:
        DistilPoseError: the cache was made with other facts or lacks a field; names it.
    """
    found = _HEADER.agree(folder, facts, layout=layout.to_json())
    try:
        kept = RecordLayout.from_json(found['layout'])
    except (ValueError, TypeError, LookupError) as error:
        raise _HEADER.unreadable(folder / NAME, error) from error
    _compare_layouts(folder, kept, layout)
    return kept, zlib.crc32(json.dumps([found['facts'], found['layout']], sort_keys=True).encode())


def _compare_layouts(folder: Path, kept: RecordLayout, expected: RecordLayout) -> None:
    missing = [field for field in expected.fields if field not in kept.fields]
    if missing:
        raise DistilPoseError(f'the teacher cache {folder} keeps {", ".join(kept.fields)}, and the terms also read '
                              f'{", ".join(missing)}; name another folder, or fill it first with a run that has all '
                              'terms')
    unread = [field.removeprefix(LAYERS) for field in kept.fields if field.startswith(LAYERS)
              and field not in expected.fields]
    if unread:
        raise DistilPoseError(f'the teacher cache {folder} also keeps the layers {", ".join(unread)}, which no term '
                              'reads and the teacher does not record; name another folder, or keep the terms that read '
                              'them, with weight=0')
    shapes = [{(entry.field, entry.shape, entry.maps) for entry in one.entries if entry.field in expected.fields}
              for one in (kept, expected)]
    if shapes[0] != shapes[1]:
        raise DistilPoseError(f"the teacher cache {folder} keeps other shapes than the teacher's "
                              f'({sorted(shapes[0] - shapes[1])} there, {sorted(shapes[1] - shapes[0])} here); name '
                              'another folder, or delete that one')
