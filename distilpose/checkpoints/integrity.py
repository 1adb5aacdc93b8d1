"""Checksums: SHA-256 of files, and CRC32 of the records of a checkpoint.

``torch.save`` writes a zip archive with a CRC32 for each record, and ``torch.load`` does not compare them: a flipped
bit in a tensor is a wrong weight without an error. Comparing them takes about two thirds of the time of reading.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

from ..errors import BadCheckpoint


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal digits, 0.4 s for 250 MB."""
    sha = hashlib.sha256()
    with open(file, 'rb') as stream:
        while chunk := stream.read(1 << 24):
            sha.update(chunk)
    return sha.hexdigest()


def check_records(file: Path) -> None:
    """Compares the checksums of all records of a file of ``torch.save``.

    Raises:
        BadCheckpoint: see :func:`damage_of`.
    """
    damage = damage_of(file)
    if damage is not None:
        raise BadCheckpoint(f'{damage}. Download or copy it again.')


def damage_of(file: Path) -> str | None:
    """Names the record of a file of ``torch.save`` that is not what was written.

    Files without checksums are taken as whole: those of torch before 1.6, and those written after
    ``torch.serialization.set_crc32_options(False)``.

    Returns:
        The beginning of a sentence, with the file and the record; ``None`` for a whole file.
    """
    if not zipfile.is_zipfile(file):
        return None
    size = f'{file.stat().st_size:,} bytes'
    try:
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip() if has_checksums(archive) else None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        return f'{file} ({size}) is damaged: {error}'
    if damaged is None:
        return None
    return f'{file} ({size}) is damaged: its record {damaged!r} does not have the checksum that was written with it'


def has_checksums(archive: zipfile.ZipFile) -> bool:
    """Whether the records of a file of ``torch.save`` were written with checksums; without, all of them are 0."""
    return any(record.CRC for record in archive.infolist())
