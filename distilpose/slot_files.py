"""Caches on disk: a header that says what a folder was made for, and files that several processes fill in places.

Shared by the teacher cache and the crop store.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from distilpose.errors import DistilPoseError

HEADER = 'header.json'
_LARGEST = 1 << 20


@dataclass(frozen=True)
class HeaderFile:
    """The header of a cache: what all of its content depends on, compared before it is used.

    Several processes may agree on it at once: the first header stays, and the others compare theirs with it.
    """

    kind: str
    """What the folder is, for messages: ``'teacher cache'``."""
    format: int
    """Number of the format; other ones are refused."""
    check: Callable[[dict[str, Any]], None] = lambda header: None
    """Raises ValueError for entries beside the facts that are not what they should be."""

    def agree(self, folder: Path, facts: Mapping[str, str], **entries: Any) -> dict[str, Any]:
        """Writes the header of a new cache, or compares the facts of an existing one.

        Args:
            folder: of the cache; made if it is missing.
            facts: from names to short values: what all content depends on.
            **entries: plain data that a new header also holds.

        Returns:
            The header that is there.

        Raises:
            DistilPoseError: the cache was made with other facts; names them. Or the folder is no such cache, or cannot
                be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DistilPoseError(f'the folder {folder} of the {self.kind} cannot be made ({error.strerror or error}); '
                                  'name another folder') from error
        file = folder / HEADER
        if not file.exists():
            others = sorted(path.name for path in folder.iterdir() if not path.name.startswith(HEADER))
            if others and not file.exists():  # another process writes its header first, then the rest
                raise DistilPoseError(f'{folder} is not empty and no {self.kind} (it has {others[0]} and no '
                                      f'{HEADER}); give the {self.kind.split()[-1]} a folder of its own')
            text = json.dumps(dict(format=self.format, facts=dict(facts), **entries), indent=2)
            create_file(file, f'{text}\n'.encode())
        found = self.read(file)
        self._compare(folder, found['facts'], facts)
        return found

    def read(self, file: Path) -> dict[str, Any]:
        """The header in a file.

        Raises:
            DistilPoseError: it is none, or of another format.
        """
        try:
            if file.stat().st_size > _LARGEST:
                raise ValueError(f'it has {file.stat().st_size:,} bytes, and a header has less than {_LARGEST:,}')
            found = json.loads(file.read_text(encoding='utf-8'))
            version, stored = found['format'], found['facts']
            if not isinstance(stored, dict) or not all(isinstance(value, str) for value in stored.values()):
                raise ValueError('its facts are no texts by name')
            self.check(found)
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            raise self.unreadable(file, error) from error
        if version != self.format:
            raise DistilPoseError(f'the {self.kind} {file.parent} has the format {version}, and this version of the '
                                  f'project writes {self.format}; delete it, or name another folder')
        return found

    def unreadable(self, file: Path, error: Exception) -> DistilPoseError:
        """Message about a broken file."""
        return DistilPoseError(f'{file} cannot be read as the header of a {self.kind} ({error}); delete '
                               f'{file.parent}, or name another folder')

    def _compare(self, folder: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
        names = list(dict.fromkeys([*expected, *found]))
        other = [f'{name} ({found.get(name, "none")} there, {expected.get(name, "none")} here)' for name in names
                 if found.get(name) != expected.get(name)]
        if other:
            raise DistilPoseError(f'the {self.kind} {folder} was made with a different {", ".join(other)}; name '
                                  'another folder for this run, or delete that one')


def create_file(file: Path, content: bytes) -> None:
    """Writes a file as a whole, unless another process did so first."""
    draft = file.with_name(f'{file.name}.{uuid.uuid4().hex}')
    try:
        draft.write_bytes(content)
        try:
            os.link(draft, file)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def open_slots(path: Path, length: int, *, kind: str) -> FileIO:
    """Opens a file for writing and gives it this length at least; places that are not written take no disk space.

    Raises:
        DistilPoseError: it is a link, through which a folder from elsewhere would have another file written to.
        OSError: it cannot be written.
    """
    if path.is_symlink():
        raise DistilPoseError(f'{path} is no file of a {kind} but a link; name a folder whose files are its own')
    with open(path, 'ab', buffering=0) as file, locked_file(file):  # or it would be cut to the length of another run
        if path.stat().st_size < length:
            file.truncate(length)
    return FileIO(path, 'r+')


@contextmanager
def locked_file(file: FileIO) -> Iterator[None]:
    """Keeps other processes that ask for it from changing a file meanwhile, where the file system has such locks."""
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def write_slot(file: FileIO, offset: int, data: Any) -> None:
    """Writes bytes at a place of a file, for which its position, which forked processes share, is not used.

    Raises:
        OSError: the disk is full or broken.
    """
    rest = memoryview(data).cast('B')
    while rest:
        written = os.pwrite(file.fileno(), rest, offset)
        rest, offset = rest[written:], offset + written


def describe_bytes(number: float) -> str:
    """1234567 -> ``'1.23 MB'``."""
    for unit in ('bytes', 'kB', 'MB'):
        if number < 1000:
            return f'{number:.3g} {unit}'
        number = number / 1000
    return f'{number:.1f} GB'
