"""The work directory of a run: whether it can be written, and what earlier runs left in it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..checkpoints.writing import describe, disk_error, remove_leftovers
from ..errors import DistilPoseError, RunFailed

_CHECKPOINT = re.compile(r'(?:epoch|iter)_(\d+)\.pth')


def check_writable(folder: Path, *, name: str) -> None:
    """Makes a folder and tries to write a file into it.

    Args:
        folder: of the output.
        name: of the option that names it, for the message.

    Raises:
        DistilPoseError: it cannot be created or written, with the reason.
    """
    require_folder(folder, name=name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except OSError as error:
        raise DistilPoseError(f'{describe(error, folder / "x", shown=folder)} with {name}') from error


def require_folder(folder: Path, *, name: str) -> None:
    """Refuses a file where a folder is to be created.

    Args:
        folder: it, or the first of its parents that exists, must be one.
        name: of the option that names it, for the message.

    Raises:
        DistilPoseError: there is a file.
    """
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir():
        raise DistilPoseError(f'{folder} cannot be made: {existing} is a file, and a folder was expected; name another '
                              f'{name}')


def prepare_work_dir(work_dir: Path, *, out_dir: Path | None, is_resumed: bool) -> list[str]:
    """Checks a work directory and removes the unfinished files that killed runs left in it.

    Args:
        work_dir: of the training.
        out_dir: where its checkpoints go, when not there.
        is_resumed: whether the training is resumed from a checkpoint.

    Returns:
        What to log about it.

    Raises:
        DistilPoseError: it cannot be written.
    """
    notes = []
    for folder in (work_dir, out_dir):
        if folder is None:
            continue
        check_writable(folder, name='--work-dir' if folder == work_dir else 'out_dir of the checkpoint hook')
        removed = remove_leftovers(folder)
        if removed:
            notes.append(f'Removed what a killed run left unfinished: {", ".join(map(str, removed))}.')
        earlier = sorted((file for file in folder.iterdir() if _CHECKPOINT.fullmatch(file.name)),
                         key=lambda file: file.stat().st_mtime_ns)
        if earlier and not is_resumed:
            notes.append(f'{folder} holds checkpoints of an earlier training ({len(earlier)}, the newest is '
                         f'{earlier[-1].name}). This one starts from the beginning and overwrites files of the same '
                         'names. To go on from there instead, stop it and add --resume; to keep them, name another '
                         '--work-dir.')
    return notes


@contextmanager
def disk_errors_as_sentences(folder: Path) -> Iterator[None]:
    """Raises a sentence where the disk of a run is full, read-only or broken, whatever was written to it.

    Args:
        folder: of the run; is named where the error does not name a file.

    Raises:
        RunFailed: in place of the error.
    """
    try:
        yield
    except DistilPoseError:
        raise
    except (OSError, RuntimeError) as error:
        cause = disk_error(error, is_writing=False)
        if cause is None:
            raise
        file = Path(str(cause.filename)) if cause.filename else folder / 'x'
        raise RunFailed(describe(cause, file, shown=None if cause.filename else folder)) from error
