"""Untrusted zip archives: refused by their declared sizes and names, before anything is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from distilpose.errors import BadCheckpoint

MAX_EXPANSION = 20
"""Weights are random numbers, which hardly compress; an optimizer that has not started yet is zeros."""
ALLOWED_BYTES = 64 << 20
"""What any file may unpack to, however small it is."""


def check_archive(archive: zipfile.ZipFile, file: Path) -> int:
    """Compares the sizes that an archive declares with its own.

    Args:
        archive: open for reading.
        file: that it was opened from.

    Returns:
        The bytes that all of its members unpack to.

    Raises:
        BadCheckpoint: they unpack to far more than the file, overlap, or have one name twice.
    """
    members, size = archive.infolist(), file.stat().st_size
    declared = sum(member.file_size for member in members)
    if declared > allowed_bytes(size):
        raise too_large(file, f'{len(members)} members that unpack to {declared:,} bytes', declared)
    if sum(member.compress_size for member in members) > size:
        raise BadCheckpoint(f'{file} ({size:,} bytes) was not read: the members of this zip archive overlap, which '
                            'those of torch.save do not. Download it again from where you trust it')
    if members and min(member.header_offset for member in members) != 0:
        raise BadCheckpoint(f'{file} ({size:,} bytes) was not read: something lies before the first member of this zip '
                            'archive, and torch.save writes nothing there. Download it again')
    if len({member.filename.casefold() for member in members}) != len(members):
        raise BadCheckpoint(f'{file} ({size:,} bytes) was not read: this zip archive has two members of one name. '
                            'Download it again from where you trust it')
    return declared


def allowed_bytes(size: int) -> int:
    """What a file of so many bytes may unpack to."""
    return max(MAX_EXPANSION * size, ALLOWED_BYTES)


def too_large(file: Path, what: str, declared: int) -> BadCheckpoint:
    """The error about a file that declares more than :func:`allowed_bytes`."""
    size = file.stat().st_size
    return BadCheckpoint(f'{file} ({size:,} bytes) was not read: it declares {what}, {declared / max(size, 1):,.0f} '
                         f'times its size, and at most {MAX_EXPANSION} times are read. If it is a file of your own, '
                         'save it again with torch.save, which does not compress')
