"""Writing files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path beside a file to write to, which takes the file's place at the end, or is removed at an error.

    So a reader, or an interrupted run, sees the old file or the new one, whole.
    """
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file, see :func:`replacing`."""
    with replacing(path) as part:
        part.write_text(text, encoding='utf-8')
