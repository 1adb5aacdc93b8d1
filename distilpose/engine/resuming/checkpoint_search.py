"""Search for the newest whole checkpoint of a work directory, for resuming.

``last_checkpoint`` names the newest file. Where it is lost, or its file is damaged, the other checkpoints of the
directory are tried, the one written last first. Whether a file is whole is known from the checksums that
``torch.save`` writes with every record.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from ...checkpoints import BadCheckpoint
from ...checkpoints.integrity import damage_of
from ...checkpoints.safe_loading import read_outline
from ...checkpoints.training_state import NEEDED
from ...errors import DistilPoseError

_LAST, _TIME_FORMAT = 'last_checkpoint', '%Y%m%d_%H%M%S'
_NEVER_RESUMED = 'best_'


class Candidate(NamedTuple):
    """A checkpoint file of a training, and when it was written."""

    written: float
    """Seconds since the epoch, from the checkpoint itself, else from the file."""
    iterations: int
    """Trained so far."""
    file: Path
    problem: str | None
    """The file and why it cannot be resumed from, as far as known without reading its tensors."""
    is_of_training: bool = True
    """Whether it is, or was before it was damaged, more than weights."""


def newest_whole_checkpoint(work_dir: Path, *, out_dir: Path | None = None) -> tuple[Path | None, list[str]]:
    """The checkpoint of a work directory to resume from, also after the directory was moved.

    It is the one that ``last_checkpoint`` names, unless that is lost or damaged, or a run was killed after it wrote a
    newer one and before it named that.

    Args:
        work_dir: of the training; it need not exist.
        out_dir: where the checkpoints are, when not in the work directory (``out_dir`` of mmengine's CheckpointHook).

    Returns:
        The file, ``None`` when there is no checkpoint of a training, and what was skipped and why.

    Raises:
        DistilPoseError: there are checkpoints, and none of them is whole.
        UntrustedCheckpoint: the newest one can only be read by running code that it names.
    """
    named, notes = _named(work_dir, out_dir)
    folders = dict.fromkeys(folder for folder in (work_dir, out_dir, named and named.parent) if folder is not None)
    files = [file for folder in folders for file in _files(folder) if file != named]
    if named is not None:
        chosen = candidate(named)
        problem = problem_of(chosen)
        if problem is None:
            return _written_since(work_dir / _LAST, files, chosen) or named, notes
        notes.append(f'Skipped {problem}.')
    for found in sorted((found for found in map(candidate, files) if found.is_of_training), reverse=True):
        problem = problem_of(found)
        if problem is None:
            return found.file, notes
        notes.append(f'Skipped {problem}.')
    if any(note.startswith('Skipped') for note in notes):
        raise DistilPoseError(f'{work_dir} holds no whole checkpoint to resume from. {" ".join(notes)} Name another '
                              'one with --resume FILE, or move them away to start from the beginning')
    return None, notes


def out_dir(cfg: Config) -> Path | None:
    """Where a config's CheckpointHook writes, when not into the work directory."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    named = hook.get('out_dir')
    return Path(named, Path(cfg.work_dir).name) if named and '://' not in str(named) else None


def candidate(file: Path) -> Candidate:
    """The metadata of a checkpoint file, without reading its tensors."""
    status, problem = file.stat(), None
    try:
        outline = read_outline(file)
    except BadCheckpoint:
        problem = f'{file} ({status.st_size:,} bytes), which is cut short, damaged or no checkpoint at all'
        return Candidate(status.st_mtime, 0, file, problem)
    missing = [name for name in NEEDED if name not in outline]
    meta = outline.get('meta')
    meta = meta if isinstance(meta, Mapping) else {}
    try:
        written = time.mktime(time.strptime(str(meta.get('time')), _TIME_FORMAT))
    except (ValueError, OverflowError):
        written = status.st_mtime
    iterations = meta.get('iter')
    if missing:
        problem = f'{file}, which holds no {", ".join(missing)}, as a checkpoint of a training does'
    return Candidate(written, iterations if isinstance(iterations, int) else 0, file, problem, not missing)


def problem_of(found: Candidate) -> str | None:
    """Why a checkpoint cannot be resumed from, after reading all of it; ``None`` for a whole one."""
    return found.problem or damage_of(found.file)


def _named(work_dir: Path, out_dir: Path | None) -> tuple[Path | None, list[str]]:
    """The file that ``last_checkpoint`` names; a note when that is lost."""
    try:
        text = (work_dir / _LAST).read_text(encoding='utf-8').strip()
    except FileNotFoundError:
        return None, []
    except (OSError, UnicodeDecodeError) as error:
        return None, [f'{work_dir / _LAST} cannot be read ({error}).']
    named = Path(text)
    for file in (named, work_dir / named.name, (out_dir or work_dir) / named.name):
        if text and file.is_file():
            return file, []
    return None, [f'{work_dir / _LAST} names {text or "no file"}, which does not exist.']


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (file for file in folder.glob('*.pth')
                    if not file.name.startswith(('.', _NEVER_RESUMED)) and file.is_file())


def _written_since(last: Path, files: list[Path], chosen: Candidate) -> Path | None:
    """A whole checkpoint further on, written after ``last_checkpoint`` was; there is one after a kill in between."""
    since = last.stat().st_mtime_ns
    later = [candidate(file) for file in files if file.stat().st_mtime_ns > since]
    further = [found for found in later if found.problem is None and found.iterations > chosen.iterations
               and found.written >= chosen.written]
    return next((found.file for found in sorted(further, reverse=True) if problem_of(found) is None), None)
