"""Training one of the three models through the common engine, interruptible at any time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn

from distilpose import engine
from distilpose.checkpoints.writing import replacing, write_atomically


@dataclass(frozen=True)
class Step:
    """Where a training stands."""

    iteration: int
    total: int
    images: int
    """Images of this iteration."""


_listeners: list[Callable[[Step], None]] = []


@contextmanager
def listening(listener: Callable[[Step], None]) -> Iterator[None]:
    """While open, every iteration of a training with a :class:`QuickstartHook` is told to the listener."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@HOOKS.register_module()
class QuickstartHook(Hook):
    """Tells listeners about iterations."""

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Passes the iteration on."""
        images = len(data_batch['data_samples']) if data_batch else 0
        for listener in _listeners:
            listener(Step(runner.iter + 1, runner.max_iters, images))


def train_model(cfg: Config, *, work_dir: Path, seed: int, resume: bool) -> None:
    """Trains into ``work_dir/weights.pth`` and ``work_dir/curves.json``.

    Args:
        cfg: of a teacher, a student or a distiller.
        work_dir: also holds the checkpoints of an interrupted training.
        seed: of everything random.
        resume: continue from the last checkpoint there, if there is one.
    """
    cfg = cfg.copy()
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='QuickstartHook')]
    if not resume:
        _remove_checkpoints(work_dir)
    runner = engine.train(cfg, work_dir=work_dir, seed=seed, validate=False, resume='auto' if resume else None)
    write_atomically(work_dir / 'curves.json', json.dumps(_loss_history(runner)))
    _save_weights(runner.model, work_dir / 'weights.pth')


def _remove_checkpoints(work_dir: Path) -> None:
    """Removes those of an earlier training, so that an interruption does not lead back to them."""
    for file in (work_dir / 'last_checkpoint', *work_dir.glob('epoch_*.pth')):
        file.unlink(missing_ok=True)


def _loss_history(runner: Runner) -> dict[str, list[float]]:
    """Every loss at every iteration, also of those before the training was resumed."""
    scalars = runner.message_hub.log_scalars
    return {name.removeprefix('train/'): [float(value) for value in buffer.data[0]]
            for name, buffer in scalars.items() if name.startswith('train/') and 'loss' in name}


def _save_weights(model: nn.Module, path: Path) -> None:
    with replacing(path) as part:
        torch.save({name: value.contiguous() for name, value in model.state_dict().items()}, part)
