"""Cache folder of annotation files: its place, its locks and its limit of size.

One folder a file, named by the checksum of the file's content. A folder is written beside its place and renamed, so
that a killed process leaves nothing that is read. ``DISTILPOSE_ANNOTATION_CACHE`` names another place, or is ``off``.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from distilpose.host.data_files import warn_once
from distilpose.host.switch import speedups_are_on

VARIABLE = 'DISTILPOSE_ANNOTATION_CACHE'
"""A folder, or ``off``; by default ``distilpose/annotations`` in ``XDG_CACHE_HOME`` or ``~/.cache``."""
SMALLEST_FILE = 4 << 20
"""In bytes; smaller files are parsed faster than one would notice."""
MOST_BYTES = 8 << 30
"""Of all folders; the ones not used for the longest time are removed."""
SECONDS_TO_WAIT = 600.0
"""For another process that writes the same folder; after that this one does without."""
_SECONDS_BETWEEN_LOOKS = 0.1
_TEMPORARY = '.part-'
_CHUNK = 1 << 20
_SECONDS_UNTIL_LEFT_BEHIND = 24 * 3600.0


def cache_folder() -> Path | None:
    """The folder of the cache, which may not be there yet; ``None`` where it is turned off."""
    chosen = os.environ.get(VARIABLE, '')
    if chosen == 'off' or not speedups_are_on():
        return None
    if chosen:
        return Path(chosen).expanduser()
    try:
        home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    except RuntimeError:  # a user without a home
        return None
    return Path(home, 'distilpose', 'annotations')


def folder_of(file: str | Path) -> Path | None:
    """The place of a file in the cache, whether it is there or not; ``None`` where the file is not kept there.

    Raises:
        OSError: the file cannot be read.
    """
    folder = cache_folder()
    if folder is None or os.stat(file).st_size < SMALLEST_FILE:
        return None
    return folder / checksum(file)


def checksum(file: str | Path) -> str:
    """The beginning of the SHA-256 of a file's content; computed once a process as long as the file is the same."""
    status = os.stat(file)
    return _checksum(os.path.abspath(file), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@functools.lru_cache(maxsize=64)
def _checksum(file: str, *_: int) -> str:
    digest = hashlib.sha256()
    with open(file, 'rb') as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()[:40]


@contextlib.contextmanager
def lock(folder: Path, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """While open, this process alone writes a folder; without effect where the file system has no locks.

    Args:
        folder: of :func:`folder_of`.
        on_wait: called once if another process has the lock.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(folder.with_suffix('.lock'), os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, descriptor)
            _wait_for(descriptor, on_wait)
        except OSError as error:
            _say_unwritable(folder, error)
        yield


def _wait_for(descriptor: int, on_wait: Callable[[], None]) -> None:
    end = time.monotonic() + SECONDS_TO_WAIT
    is_first = True
    while time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if is_first:
                on_wait()
            is_first = False
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        else:
            return


def publish(folder: Path, write: Callable[[Path], None]) -> bool:
    """Writes a folder beside its place and moves it there, in place of one that is there already.

    Returns:
        Whether it is there; a full disk and the like are logged once.
    """
    try:
        with contextlib.ExitStack() as stack:
            part, old = (_temporary(folder, stack) for _ in range(2))
            write(part)
            if folder.exists():
                os.rename(folder, old / folder.name)
            os.rename(part, folder)
    except OSError as error:
        if not folder.exists():  # which a process without a lock may have written meanwhile
            _say_unwritable(folder, error)
            return False
    remove_oldest(folder.parent, but=folder)
    return True


def _temporary(folder: Path, stack: contextlib.ExitStack) -> Path:
    """A folder beside another one, removed at the end."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=folder.parent))
    stack.callback(shutil.rmtree, part, ignore_errors=True)
    return part


def _say_unwritable(folder: Path, error: OSError) -> None:
    warn_once(f'Annotations are read anew at every start: {folder.parent} cannot be written '
             f'({error.strerror or error}). {VARIABLE}=DIR names another folder, {VARIABLE}=off is silent')


def write_small(file: Path, text: str) -> None:
    """Writes a text file beside its place and moves it there; where that fails, there is none."""
    part = file.with_name(f'.{file.name}.{os.getpid()}')
    with contextlib.suppress(OSError):
        part.write_text(text, encoding='utf-8')
        os.replace(part, file)


def mark_used(folder: Path) -> None:
    """Lets a folder count as used now."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def remove_oldest(cache: Path, *, but: Path) -> None:
    """Removes what killed processes left, and the folders not used for the longest time beyond :data:`MOST_BYTES`.

    Args:
        cache: of :func:`cache_folder`.
        but: a folder that stays.
    """
    with contextlib.suppress(OSError):
        now = time.time()
        for part in cache.glob(f'{_TEMPORARY}*'):
            if now - part.stat().st_mtime > _SECONDS_UNTIL_LEFT_BEHIND:
                shutil.rmtree(part, ignore_errors=True)
        folders = sorted((path for path in cache.iterdir() if (path / 'header.json').is_file()
                          and not path.name.startswith('.')), key=lambda path: -path.stat().st_mtime)
        used = 0
        for folder in folders:
            used += sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
            if used > MOST_BYTES and folder != but:
                shutil.rmtree(folder, ignore_errors=True)
                folder.with_suffix('.lock').unlink(missing_ok=True)
