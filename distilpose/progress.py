"""Progress of work: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import atexit
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TextIO, TypeVar

from mmengine.dist import is_main_process
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

Item = TypeVar('Item')
_SMOOTHING = 0.1  # share of the newest iteration in the moving average of durations
_SECONDS_BETWEEN_LINES = 10.0
_REFRESH_SECONDS = 0.1
_makers: list[Callable[[bool], ProgressDisplay]] = []
"""Makes the display, transient or not; the last one counts."""


@contextmanager
def shown_on(stream: IO[str]) -> Iterator[None]:
    """Shows progress on another stream than standard error, which may lead to a file meanwhile."""
    def make(is_transient: bool) -> ProgressDisplay:
        console = Console(file=stream, width=None if stream.isatty() else 120)
        return ProgressDisplay(console, transient=is_transient)

    with shown_by(make):
        yield


@contextmanager
def shown_by(make: Callable[[bool], ProgressDisplay]) -> Iterator[None]:
    """Shows progress on other displays.

    Args:
        make: returns a display; its argument is whether bars disappear at the end.
    """
    _makers.append(make)
    try:
        yield
    finally:
        _makers.pop()


def tracked(items: Iterable[Item], *, total: int | None, description: str, unit: str = 'images') -> Iterator[Item]:
    """The items, with their rate and the time left, where their number is known, on standard error."""
    display = _makers[-1](False) if _makers else ProgressDisplay(Console(file=sys.stderr), transient=False)
    meter = Meter(display.add(description, total))
    start = time.monotonic()
    try:
        for done, item in enumerate(items, start=1):
            rate = done / max(time.monotonic() - start, 1e-6)
            if done == total or meter.is_due(display.refresh_seconds):
                display.show(meter.task, description, completed=done, rate=f'{rate:.3g} {unit}/s',
                             seconds=None if total is None else max(total - done, 0) / rate, is_last=done == total)
            yield item
    finally:
        display.close()


class ProgressDisplay:
    """rich's bars on a terminal, with log lines printed above them; on other streams lines.

    Args:
        console: where to draw.
        transient: whether bars disappear at the end.
    """

    def __init__(self, console: Console, *, transient: bool = True) -> None:
        self.console = console
        columns: list[ProgressColumn] = [
            TextColumn('{task.description}'), BarColumn(bar_width=20), MofNCompleteColumn(),
            _FieldColumn('rate'), _FieldColumn('left'), _FieldColumn('metrics', is_shortened=True),
        ]
        self.progress = Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty(),
                                 redirect_stderr=sys.stderr.isatty(), transient=transient)
        self._streams: list[tuple[logging.StreamHandler, TextIO]] = []
        self.is_drawn = console.is_terminal and not console.is_dumb_terminal
        self.refresh_seconds = _REFRESH_SECONDS if self.is_drawn else _SECONDS_BETWEEN_LINES
        self._started = time.monotonic()
        self._lines: dict[TaskID, float] = {}
        if self.is_drawn:
            self.progress.start()
        atexit.register(self.close)

    @classmethod
    def on_terminal(cls) -> ProgressDisplay | None:
        """A display of the first process, on a terminal that can draw or where :func:`shown_on` leads."""
        if not is_main_process():
            return None
        if _makers:
            return _makers[-1](True)
        console = Console(stderr=True)
        return None if not sys.stderr.isatty() or console.is_dumb_terminal else cls(console)

    def redirect(self, logger: logging.Logger) -> None:
        """Lets the logger's lines for a terminal appear above the bars; files and pipes are left alone."""
        for handler in logger.handlers:
            stream = getattr(handler, 'stream', None)
            if isinstance(handler, logging.StreamHandler) and stream is not None and stream.isatty():
                self._streams.append((handler, stream))
                handler.setStream(FileProxy(self.console, stream))

    def add(self, title: str, total: int | None, *, completed: int = 0) -> TaskID:
        """Adds a bar; without a total its length is unknown."""
        return self.progress.add_task(title, total=total, completed=completed, rate='', left='', metrics='')

    def update(self, meter: Meter, title: str, *, completed: int, remaining: int, metrics: str) -> None:
        """Shows new metrics."""
        if meter.task is not None:
            self.show(meter.task, title, completed=completed, rate=meter.rate(), seconds=remaining * meter.seconds,
                      metrics=metrics)

    def show(self, task: TaskID | None, title: str, *, completed: int, rate: str, seconds: float | None,
             metrics: str = '', is_last: bool = False) -> None:
        """Moves a bar, or prints a line if the last one is a while ago.

        Args:
            task: of :meth:`add`.
            title: in front of the bar.
            completed: of the total.
            rate: such as ``'312 images/s'``.
            seconds: left, ``None`` if unknown.
            metrics: behind the bar, such as losses.
            is_last: print a line in any case.
        """
        if task is None:
            return
        left = '' if seconds is None else f'{format_duration(seconds)} left'
        self.progress.update(task, description=title, completed=completed, rate=rate, left=left, metrics=metrics)
        total = self.progress.tasks[self.progress.task_ids.index(task)].total
        now = time.monotonic()
        if not self.is_drawn and (is_last or now - self._lines.get(task, self._started) >= _SECONDS_BETWEEN_LINES):
            self._lines[task] = now
            of_all = '' if total is None else f' of {total:.0f}'
            self.console.print(f'{title}: {completed}{of_all}, {", ".join(filter(None, (rate, left)))}', markup=False,
                               highlight=False, soft_wrap=True)

    def remove(self, meter: Meter) -> None:
        """Takes a bar away."""
        if meter.task is not None:
            self.progress.remove_task(meter.task)

    def close(self) -> None:
        """Stops drawing and gives the streams back; safe to call twice."""
        atexit.unregister(self.close)
        if self.is_drawn:
            self.progress.stop()
        for handler, stream in self._streams:
            handler.setStream(stream)
        self._streams.clear()


class Meter:
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


class _FieldColumn(ProgressColumn):
    """Shows a field of the task, one of which gives way on a narrow terminal."""

    def __init__(self, name: str, *, is_shortened: bool = False) -> None:
        super().__init__(Column(no_wrap=not is_shortened))
        self.name = name

    def render(self, task: Task) -> Text:
        return Text(str(task.fields[self.name]), no_wrap=True, overflow='ellipsis')


def format_duration(seconds: float) -> str:
    """``'1:02:03'``, ``'02:03'``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{rest:02}' if hours else f'{minutes:02}:{rest:02}'
