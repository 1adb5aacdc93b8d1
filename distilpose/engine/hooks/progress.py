"""A progress bar on a terminal; elsewhere the plain lines of the log are all there is."""

from __future__ import annotations

import atexit
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

_SMOOTHING = 0.1  # share of the newest iteration in the moving average of durations


@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows epoch, iteration, rate, losses and time left while standard error is a terminal.

    Lines of the log appear above the bar and the log file never sees it. Only the first process shows one.

    Args:
        refresh_seconds: how often the numbers change; losses are only read from the device then.
    """

    priority = 'LOW'  # after the logger

    def __init__(self, *, refresh_seconds: float = 0.5) -> None:
        self.refresh_seconds = refresh_seconds
        self.display: ProgressDisplay | None = None
        self._train = self._evaluation = _Meter()

    def before_train(self, runner: Runner) -> None:
        """Opens the bar of the whole training."""
        self.display = ProgressDisplay.on_terminal()
        if self.display is not None:
            self.display.redirect(runner.logger)
            self._train = _Meter(self.display.add('train', runner.max_iters, completed=runner.iter))

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
        self._train = self._evaluation = _Meter()

    def _before_evaluation(self, runner: Runner, title: str, total: int) -> None:
        if self.display is None:
            self.display = ProgressDisplay.on_terminal()
            if self.display is None:
                return
            self.display.redirect(runner.logger)
        self._evaluation = _Meter(self.display.add(title, total))
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
        self._evaluation = _Meter()
        self._train.pause()
        if self._train.task is None:
            self.close()


class ProgressDisplay:
    """The terminal side: rich's bars on standard error, and log lines printed above them.

    Args:
        console: where to draw.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        columns: list[ProgressColumn] = [
            TextColumn('{task.description}'), BarColumn(bar_width=20),
            TextColumn('{task.completed:.0f}/{task.total:.0f}'),
            _FieldColumn('rate'), _FieldColumn('left'), _FieldColumn('metrics', is_shortened=True),
        ]
        self.progress = Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty(), transient=True)
        self._streams: list[tuple[logging.StreamHandler, TextIO]] = []
        self.progress.start()
        atexit.register(self.close)

    @classmethod
    def on_terminal(cls) -> ProgressDisplay | None:
        """A display if this is the first process and its standard error is a terminal that can draw."""
        if not (is_main_process() and sys.stderr.isatty()):
            return None
        console = Console(stderr=True)
        return None if console.is_dumb_terminal else cls(console)

    def redirect(self, logger: logging.Logger) -> None:
        """Lets the logger's lines for a terminal appear above the bars; files and pipes are left alone."""
        for handler in logger.handlers:
            stream = getattr(handler, 'stream', None)
            if isinstance(handler, logging.StreamHandler) and stream is not None and stream.isatty():
                self._streams.append((handler, stream))
                handler.setStream(FileProxy(self.console, stream))

    def add(self, title: str, total: int, *, completed: int = 0) -> TaskID:
        """Adds a bar."""
        return self.progress.add_task(title, total=total, completed=completed, rate='', left='', metrics='')

    def update(self, meter: _Meter, title: str, *, completed: int, remaining: int, metrics: str) -> None:
        """Shows new numbers."""
        if meter.task is not None:
            self.progress.update(meter.task, description=title, completed=completed, rate=meter.rate(),
                                 left=f'{format_duration(remaining * meter.seconds)} left', metrics=metrics)

    def remove(self, meter: _Meter) -> None:
        """Takes a bar away."""
        if meter.task is not None:
            self.progress.remove_task(meter.task)

    def close(self) -> None:
        """Stops drawing and gives the streams back; safe to call twice."""
        atexit.unregister(self.close)
        self.progress.stop()
        for handler, stream in self._streams:
            handler.setStream(stream)
        self._streams.clear()


class _FieldColumn(ProgressColumn):
    """Shows a field of the task, one of which gives way on a narrow terminal."""

    def __init__(self, name: str, *, is_shortened: bool = False) -> None:
        super().__init__(Column(no_wrap=not is_shortened))
        self.name = name

    def render(self, task: Task) -> Text:
        return Text(str(task.fields[self.name]), no_wrap=True, overflow='ellipsis')


class _Meter:
    """Measures how long iterations take; without a task it is idle."""

    def __init__(self, task: TaskID | None = None) -> None:
        self.task = task
        self.seconds = 0.0
        self.images = 0
        self._last: float | None = None
        self._shown = float('-inf')

    def start(self) -> None:
        if self._last is None:
            self._last = time.monotonic()

    def pause(self) -> None:
        self._last = None

    def tick(self, images: int) -> bool:
        """Counts an iteration; whether there is anything to show."""
        if self.task is None or self._last is None:
            return False
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        self.seconds += (elapsed - self.seconds) * (_SMOOTHING if self.seconds else 1.0)
        self.images = images
        return True

    def is_due(self, interval: float) -> bool:
        now = time.monotonic()
        if now - self._shown < interval:
            return False
        self._shown = now
        return True

    def rate(self) -> str:
        if not self.seconds:
            return ''
        iterations = f'{1 / self.seconds:.3g} it/s'
        return f'{iterations}, {self.images / self.seconds:.3g} images/s' if self.images else iterations


def describe_losses(outputs: Mapping[str, Any]) -> str:
    """The losses of a training step as text: ``'loss 0.3 (kpt 0.2, score 0.1)'``."""
    values = {name.removeprefix('loss_'): f'{float(torch.as_tensor(value).detach()):.4g}'
              for name, value in outputs.items() if 'loss' in name}
    total = values.pop('loss', None)
    parts = ', '.join(f'{name} {value}' for name, value in values.items())
    if total is None:
        return parts
    return f'loss {total} ({parts})' if len(values) > 1 else f'loss {total}'


def format_duration(seconds: float) -> str:
    """``'1:02:03'``, ``'02:03'``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{rest:02}' if hours else f'{minutes:02}:{rest:02}'


def _batch_size(data_batch: Any) -> int:
    samples = data_batch.get('data_samples') if isinstance(data_batch, Mapping) else data_batch
    return len(samples) if isinstance(samples, Sequence) else 0


def _has_epochs(runner: Runner) -> bool:
    return not hasattr(runner.train_loop, 'dataloader_iterator')
