"""Resuming: from which checkpoint a training goes on."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from ..checkpoints import load_file
from ..errors import DistilPoseError
from .checkpoint_search import NEEDED, newest_whole_checkpoint, out_dir


def set_resume(cfg: Config, resume: str | None) -> list[str]:
    """Decides which checkpoint to go on from, in place; ``None`` leaves it to the config.

    Returns:
        What to log about it.

    Raises:
        DistilPoseError: when the checkpoint is missing or is not one of a training.
    """
    if resume is None and not cfg.get('resume'):
        return []
    if resume in (None, 'auto'):
        named = cfg.get('load_from') if resume is None else None
        file, notes = (named, []) if named else newest_whole_checkpoint(Path(cfg.work_dir), out_dir=out_dir(cfg))
        if file is None:
            cfg.resume = False
            return [*notes, f'There is no checkpoint in {cfg.work_dir} to resume from: training starts from the '
                    'beginning.']
    else:
        file, notes = Path(str(resume)).expanduser().absolute(), []
    checkpoint = load_file(file)
    missing = [name for name in NEEDED if name not in checkpoint]
    if missing:
        raise DistilPoseError(f'{file} cannot be resumed from: it holds no {", ".join(missing)}, so it is not a '
                              'checkpoint of a training. To start from its weights, use --cfg-options load_from=FILE')
    cfg.resume, cfg.load_from = True, str(file)
    if cfg.randomness.get('seed') is None:
        cfg.randomness['seed'] = checkpoint['meta'].get('seed')
    return [*notes, f'Resuming from {file}.']
