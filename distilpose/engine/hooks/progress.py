"""Progress bar of a Runner: epoch, iteration, rate, losses and time left, on a terminal."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from distilpose.progress import Meter, ProgressDisplay, format_duration

__all__ = ['ProgressDisplay', 'ProgressHook', 'QuickstartHook', 'describe_losses', 'format_duration']


@HOOKS.register_module()
class QuickstartHook(Hook):
    """Does nothing: configs that the quickstart of earlier versions saved name it."""

    def __init__(self) -> None:
        warnings.warn('QuickstartHook does nothing any more; take it out of custom_hooks', DeprecationWarning,
                      stacklevel=2)


@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows epoch, iteration, rate, losses and time left while standard error is a terminal.

    Lines of the log appear above the bar, which is not written to the log file. Only the first process shows one.
    :func:`distilpose.progress.shown_on` names another stream, which has lines now and then if it is no terminal.

    Args:
        refresh_seconds: how often the numbers change; losses are only read from the device then.
    """

    priority = 'LOW'  # after the logger

    def __init__(self, *, refresh_seconds: float = 0.5) -> None:
        self.refresh_seconds = refresh_seconds
        self.display: ProgressDisplay | None = None
        self._train = self._evaluation = Meter()

    def before_train(self, runner: Runner) -> None:
        """Opens the bar of the whole training."""
        self.display = ProgressDisplay.on_terminal()
        if self.display is not None:
            self.display.redirect(runner.logger)
            self._train = Meter(self.display.add('train', runner.max_iters, completed=runner.iter))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Starts the clock at the first iteration and after a validation."""
        self._train.start()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Mapping[str, Any] | None = None) -> None:
        """Moves the bar by one iteration."""
        if self.display is None or not self._train.tick(_batch_size(data_batch) * runner.world_size):
            return
        done = runner.iter + 1
        is_last = done == runner.max_iters
        if is_last or self._train.is_due(self.refresh_seconds):
            title = f'train, epoch {runner.epoch + 1}/{runner.max_epochs}' if _has_epochs(runner) else 'train'
            self.display.update(self._train, title, completed=done, remaining=runner.max_iters - done,
                                metrics=describe_losses(outputs or {}))

    def after_train(self, runner: Runner) -> None:
        """Closes the bar."""
        self.close()

    def before_val_epoch(self, runner: Runner) -> None:
        """Adds a bar below that of the training."""
        self._before_evaluation(runner, 'val', len(runner.val_dataloader))

    def before_test_epoch(self, runner: Runner) -> None:
        """Opens a bar."""
        self._before_evaluation(runner, 'test', len(runner.test_dataloader))

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                       outputs: Sequence[Any] | None = None) -> None:
        """Moves the bar by one batch."""
        self._after_evaluation_iter(runner, batch_idx, data_batch, loader=runner.val_dataloader, title='val')

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                        outputs: Sequence[Any] | None = None) -> None:
        """Moves the bar by one batch."""
        self._after_evaluation_iter(runner, batch_idx, data_batch, loader=runner.test_dataloader, title='test')

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Takes the bar away."""
        self._after_evaluation()

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Takes the bar away."""
        self._after_evaluation()

    def close(self) -> None:
        """Closes the bar and gives the terminal back; the launcher also calls it when a run fails."""
        if self.display is not None:
            self.display.close()
        self.display = None
        self._train = self._evaluation = Meter()

    def _before_evaluation(self, runner: Runner, title: str, total: int) -> None:
        if self.display is None:
            self.display = ProgressDisplay.on_terminal()
            if self.display is None:
                return
            self.display.redirect(runner.logger)
        self._evaluation = Meter(self.display.add(title, total))
        self._evaluation.start()

    def _after_evaluation_iter(self, runner: Runner, batch_idx: int, data_batch: Any, *, loader: Any,
                               title: str) -> None:
        if self.display is None or not self._evaluation.tick(_batch_size(data_batch) * runner.world_size):
            return
        remaining = len(loader) - batch_idx - 1
        if remaining == 0 or self._evaluation.is_due(self.refresh_seconds):
            self.display.update(self._evaluation, title, completed=batch_idx + 1, remaining=remaining, metrics='')

    def _after_evaluation(self) -> None:
        if self.display is None:
            return
        self.display.remove(self._evaluation)
        self._evaluation = Meter()
        self._train.pause()
        if self._train.task is None:
            self.close()


def describe_losses(outputs: Mapping[str, Any]) -> str:
    """The losses of a training step as text: ``'loss 0.3 (kpt 0.2, score 0.1)'``."""
    values = {name.removeprefix('loss_'): f'{float(torch.as_tensor(value).detach()):.4g}'
              for name, value in outputs.items() if 'loss' in name}
    total = values.pop('loss', None)
    parts = ', '.join(f'{name} {value}' for name, value in values.items())
    if total is None:
        return parts
    return f'loss {total} ({parts})' if len(values) > 1 else f'loss {total}'


def _batch_size(data_batch: Any) -> int:
    samples = data_batch.get('data_samples') if isinstance(data_batch, Mapping) else data_batch
    return len(samples) if isinstance(samples, Sequence) else 0


def _has_epochs(runner: Runner) -> bool:
    return not hasattr(runner.train_loop, 'dataloader_iterator')
