"""Atomic writing of files: readers, and runs that resume after a crash, see the whole old file or the whole new one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import RunFailed

_PART = re.compile(r'\..+\.(\d+)\.part(?:\.\w+)?')


@contextmanager
def replacing(path: Path, *, needed: Callable[[], int] | None = None, suffix: str = '',
              remedy: str | None = None) -> Iterator[Path]:
    """Gives a path beside a file to write to, which takes the file's place at the end, or is removed at an error.

    The file is on the disk before it takes the place, and the new name before this returns, so that neither a killed
    process nor a power cut leaves half a file under the name.

    Args:
        path: the file.
        needed: the size that it would have, in bytes, for the message when the disk is full.
        suffix: that the path to write to ends with, for a writer that chooses the format by it.
        remedy: what to do when the disk is full, for the message.

    Raises:
        RunFailed: the disk is full, read-only or broken, or the folder cannot be written.
    """
    partial = path.with_name(f'.{path.name}.{os.getpid()}.part{suffix}')
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        _flush_folder(path.parent)
    except (OSError, RuntimeError) as error:
        cause = disk_error(error)
        if cause is None:
            raise
        size = needed() if needed is not None else None
        raise RunFailed(describe(cause, path, needed=size, remedy=remedy)) from error
    finally:
        with contextlib.suppress(OSError):  # a folder that cannot be written has none
            partial.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file, see :func:`replacing`."""
    with replacing(path, needed=lambda: len(text.encode())) as partial:
        partial.write_text(text, encoding='utf-8')


def save_atomically(content: Any, path: Path, *, remedy: str | None = None) -> None:
    """``torch.save`` to a file, see :func:`replacing`; the folder is made where there is none.

    The tensors are written to the file one after the other, and not held a second time in memory.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, needed=lambda: size_of(content), remedy=remedy) as partial, partial.open('wb') as stream:
        torch.save(content, stream)


def size_of(content: Any) -> int:
    """Bytes of the tensors in nested dictionaries and lists."""
    if isinstance(content, Tensor):
        return content.nbytes
    if isinstance(content, Mapping):
        content = list(content.values())
    return sum(map(size_of, content)) if isinstance(content, Sequence) and not isinstance(content, (str, bytes)) else 0


def remove_leftovers(folder: Path) -> list[Path]:
    """Removes the unfinished files that killed processes left in a folder; those of living ones stay.

    Returns:
        What was removed.
    """
    if not folder.is_dir():
        return []
    removed = []
    for file in folder.glob('.*.part*'):
        found = _PART.fullmatch(file.name)
        if found is None or not file.is_file():
            continue
        process = int(found[1])
        if process == os.getpid() or not is_alive(process):  # this one has not begun to write
            file.unlink(missing_ok=True)
            removed.append(file)
    return removed


def disk_error(error: BaseException | None, *, is_writing: bool = True) -> OSError | None:
    """The error of the disk behind an exception; torch raises another one in its place.

    Args:
        error: an exception.
        is_writing: whether a missing permission is about a file that was to be written, too.
    """
    numbers = _FULL | _FORBIDDEN if is_writing else _FULL
    while error is not None:
        if isinstance(error, OSError) and error.errno in numbers:
            return error
        error = error.__cause__ or error.__context__
    return None


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


def save_checkpoint_of_training(checkpoint: Any, path: Path) -> None:
    """:func:`save_atomically` for a training, which can be resumed."""
    save_atomically(checkpoint, path, remedy='make room and go on with --resume')


def describe(error: OSError, path: Path, *, needed: int | None = None, shown: Path | None = None,
             remedy: str | None = None) -> str:
    """The sentence for a file that cannot be written: the file, the reason, how much is free and needed.

    Args:
        error: why.
        path: of the file.
        needed: bytes.
        shown: what to name instead of the file, such as its folder.
        remedy: for a full disk.
    """
    facts = [] if needed is None else [f'about {_megabytes(needed)} needed']
    with contextlib.suppress(OSError):  # it may be gone
        facts.insert(0, f'{_megabytes(shutil.disk_usage(path.parent).free)} free there')
    words = f' ({", ".join(facts)})' if facts else ''
    remedy = f'{remedy or "make room"}, or ' if error.errno in _FULL - {errno.EROFS} else ''
    return f'{shown or path} cannot be written: {error.strerror or error}{words}; {remedy}name another folder'


def _megabytes(size: int) -> str:
    return f'{size / 1e6:.3g} MB' if size < 1e6 else f'{size / 1e6:.1f} MB'


def _flush(file: Path) -> None:
    with file.open('rb+') as stream:
        os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == 'nt':
        return  # a folder cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot flush a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_alive(process: int) -> bool:
    """Whether there is a process of this number, on any system; also one that ended and was not waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    try:  # of Linux; a killed process whose parent has not read its exit code is there, too
        return Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return True
