"""Fingerprints (short SHA-256) of configs and annotation files that a training depends on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def digest(value: Any) -> str:
    """The first 16 digits of the SHA-256 of nested plain data; of anything else its name counts."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_name).encode()).hexdigest()[:16]


def annotation_files(dataset: Any) -> Iterator[Path]:
    """Those of a data set, or of all that it combines or repeats, as far as they are local; of a folder its JSON."""
    named = getattr(dataset, 'ann_file', None)
    if isinstance(named, (str, os.PathLike)) and str(named):
        path = Path(named)
        yield from sorted(path.rglob('*.json')) if path.is_dir() else [path] * path.is_file()
    for part in (*getattr(dataset, 'datasets', ()), getattr(dataset, 'dataset', None)):
        if part is not None:
            yield from annotation_files(part)


def _name(value: Any) -> str:
    """Of what a config has that is no plain data; not its address, which differs from process to process."""
    return getattr(value, '__qualname__', None) or type(value).__qualname__
