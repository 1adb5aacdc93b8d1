"""Options of resuming: which checkpoint to load, what may change, and whether the training is finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from ...checkpoints import check_training_state, load_file
from ...config import dictionaries
from ...errors import DistilPoseError
from ..default_hooks import find_hook
from .checkpoint_search import newest_whole_checkpoint, out_dir

MAY_CHANGE = ('data', 'model', 'optimizer')
"""What a resumed run may change only with ``--allow-changed``."""


class Resumption(NamedTuple):
    """What was decided."""

    notes: list[str]
    """To log."""
    is_finished: bool = False
    """Whether the checkpoint is that of the end of the training."""


def set_resume(cfg: Config, resume: str | Path | bool | None) -> Resumption:
    """Decides which checkpoint to resume from, in place.

    Args:
        cfg: of the training, with its work directory.
        resume: as for :func:`~distilpose.engine.train`; ``None`` leaves it to the config.

    Raises:
        DistilPoseError: there is no checkpoint, or it is not one of a training.
    """
    choice = cfg.get('resume') if resume is None else resume
    if not choice:
        cfg.resume = False
        return Resumption([])
    notes: list[str] = []
    if choice in (True, 'last', 'auto'):
        file = cfg.get('load_from') if resume is None else None
        if file is None:
            file, notes = newest_whole_checkpoint(Path(cfg.work_dir), out_dir=out_dir(cfg))
        if file is None:
            return Resumption([*notes, _nothing_to_resume(cfg, may_start=choice == 'auto')])
    else:
        file = Path(str(choice)).expanduser().absolute()
    checkpoint = load_file(file)
    check_training_state(checkpoint, source=file)
    cfg.resume, cfg.load_from = True, str(file)
    if cfg.randomness.get('seed') is None:
        cfg.randomness['seed'] = checkpoint['meta'].get('seed')
    end = describe_end(cfg, checkpoint['meta'], file=str(file))
    return Resumption([*notes, end or f'Resuming from {file}.'], is_finished=end is not None)


def _nothing_to_resume(cfg: Config, *, may_start: bool) -> str:
    if not may_start:
        raise DistilPoseError(f'there is nothing to resume from: {cfg.work_dir} holds no checkpoint of a training; '
                              'name the folder of that training with --work-dir, or its checkpoint with --resume FILE. '
                              '--resume auto starts from the beginning where there is none')
    cfg.resume = False
    return f'There is no checkpoint in {cfg.work_dir} to resume from: training starts from the beginning.'


def describe_end(cfg: Config, meta: Mapping[str, Any], *, file: str) -> str | None:
    """That the training is finished and what to raise to continue, or ``None`` when it is not finished.

    Args:
        cfg: of the run that is to be resumed.
        meta: the entry of this name in the checkpoint.
        file: what to call the checkpoint.
    """
    unit = 'iter' if 'max_iters' in cfg.train_cfg else 'epoch'
    done, limit = meta.get(unit, 0), cfg.train_cfg.get(f'max_{unit}s')
    if limit is None or done < limit:
        return None
    entry = f'train_cfg.max_{unit}s'
    ends = [f'{where}.{key}' for where, schedule in dictionaries(cfg.get('param_scheduler') or [], 'param_scheduler')
            for key in ('end', 'T_max')
            if schedule.get(key) == limit and schedule.get('by_epoch', True) == (unit == 'epoch')]
    also = f' It ends with {" and ".join(ends)}: raise that as well.' if ends else ''
    return (f'This training is finished: {file} was written after {unit} {done}, and {entry} is {limit}. Nothing is '
            f'trained, validated or saved. To train longer, raise {entry}, for instance with --cfg-options '
            f'{entry}={max(2 * limit, done + 1)}.{also}')


def read_allowed(allowed: str | Iterable[str], *, is_resumed: bool) -> list[str]:
    """The values of ``--allow-changed``.

    Args:
        allowed: values, or one string with commas between them.
        is_resumed: whether this run is resumed at all.

    Raises:
        DistilPoseError: an unknown value, or nothing that is resumed.
    """
    names = allowed.split(',') if isinstance(allowed, str) else [name for text in allowed for name in text.split(',')]
    unknown = [name for name in names if name and name not in MAY_CHANGE]
    if unknown:
        raise DistilPoseError(f'--allow-changed got {", ".join(unknown)}; expected some of {", ".join(MAY_CHANGE)}')
    found = [name for name in MAY_CHANGE if name in names]
    if found and not is_resumed:
        raise DistilPoseError(f'--allow-changed {",".join(found)} is about the checkpoint that a training is resumed '
                              'from, and this one starts from the beginning; add --resume, or leave it out')
    return found


def pass_on_allowed(cfg: Config, allowed: Sequence[str]) -> None:
    """Passes the values on to the hooks that compare the run with its checkpoint, in place."""
    for hook in (find_hook(cfg, 'resume_facts'), find_hook(cfg, 'strict_loading')):
        if allowed and hook is not None:
            hook['allow_changed'] = list(allowed)
