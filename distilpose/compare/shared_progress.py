"""Progress display of several trainings at a time, one of which may run in another process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from rich.progress import TaskID

from distilpose.progress import Meter, ProgressDisplay

_REFRESH_SECONDS = 0.5


@dataclass(frozen=True)
class Bar:
    """State of one bar, as it is sent from process to process; without a title the bar is taken away."""

    training: str
    number: int
    """Of the bars of a training."""
    title: str = ''
    total: int | None = None
    completed: int = 0
    rate: str = ''
    seconds: float | None = None
    metrics: str = ''
    is_last: bool = False


class SharedDisplay:
    """One display with the bars of all trainings; threads may call it.

    Args:
        display: where to draw; ``None`` for nowhere.
    """

    def __init__(self, display: ProgressDisplay | None) -> None:
        self._display = display
        self._tasks: dict[tuple[str, int], TaskID] = {}
        self._lock = threading.Lock()

    def show(self, bar: Bar) -> None:
        """Adds, moves or removes a bar; or prints a line now and then, where nothing can be drawn."""
        key = (bar.training, bar.number)
        with self._lock:
            if self._display is None:
                return
            if not bar.title:
                if key in self._tasks:
                    self._display.remove(Meter(self._tasks.pop(key)))
                return
            title = f'{bar.training}: {bar.title}'
            if key not in self._tasks:
                self._tasks[key] = self._display.add(title, bar.total)
            self._display.show(self._tasks[key], title, completed=bar.completed, rate=bar.rate, seconds=bar.seconds,
                               metrics=bar.metrics, is_last=bar.is_last)

    def close(self) -> None:
        """Stops drawing."""
        with self._lock:
            if self._display is not None:
                self._display.close()
            self._display = None


class DisplayPart(ProgressDisplay):
    """The display of one training, which sends its bars to a :class:`SharedDisplay`.

    Args:
        training: its title.
        send: takes every change.
    """

    def __init__(self, training: str, send: Callable[[Bar], None]) -> None:
        self.training, self.send, self.refresh_seconds = training, send, _REFRESH_SECONDS
        self._totals: list[int | None] = []

    def redirect(self, logger: logging.Logger) -> None:
        """Does nothing: the log is not on the terminal."""

    def add(self, title: str, total: int | None, *, completed: int = 0) -> TaskID:
        """Adds a bar, which appears with its first numbers."""
        self._totals.append(total)
        return TaskID(len(self._totals) - 1)

    def show(self, task: TaskID | None, title: str, *, completed: int, rate: str, seconds: float | None,
             metrics: str = '', is_last: bool = False) -> None:
        """Sends the state of a bar."""
        if task is not None:
            self.send(Bar(self.training, task, title, self._totals[task], completed, rate, seconds, metrics, is_last))

    def remove(self, meter: Meter) -> None:
        """Takes a bar away."""
        if meter.task is not None:
            self.send(Bar(self.training, meter.task))

    def close(self) -> None:
        """Takes all bars away; safe to call twice."""
        for number in range(len(self._totals)):
            self.send(Bar(self.training, number))
        self._totals.clear()
