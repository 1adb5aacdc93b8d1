"""Resuming: from which checkpoint a training goes on."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from ..checkpoints import load_file
from ..errors import DistilPoseError


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
        file = named or last_checkpoint(Path(cfg.work_dir))
        if file is None:
            cfg.resume = False
            return [f'There is no checkpoint in {cfg.work_dir} to resume from: training starts from the beginning.']
    else:
        file = Path(str(resume)).expanduser().absolute()
    checkpoint = load_file(file)
    missing = [name for name in ('meta', 'message_hub', 'optimizer', 'state_dict') if name not in checkpoint]
    if missing:
        raise DistilPoseError(f'{file} cannot be resumed from: it holds no {", ".join(missing)}, so it is not a '
                              'checkpoint of a training. To start from its weights, use --cfg-options load_from=FILE')
    cfg.resume, cfg.load_from = True, str(file)
    if cfg.randomness.get('seed') is None:
        cfg.randomness['seed'] = checkpoint['meta'].get('seed')
    return [f'Resuming from {file}.']


def last_checkpoint(work_dir: Path) -> Path | None:
    """The newest checkpoint of a work directory, also after the directory was moved."""
    if not (work_dir / 'last_checkpoint').is_file():
        return None
    named = Path(str(find_latest_checkpoint(str(work_dir))))
    for file in (named, work_dir / named.name):
        if file.is_file():
            return file
    raise DistilPoseError(f'{work_dir}/last_checkpoint names {named}, which does not exist; resume from another one '
                          'with --resume FILE, or delete last_checkpoint to start from the beginning')
