"""Progress of a run: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from distilpose.report.figures import in_words

from .training import Step

_LINE_EVERY = 0.2  # of a stage


class Meter:
    """Rate and time left of one stage, from the steps of this attempt only."""

    def __init__(self) -> None:
        self.first: tuple[float, int] | None = None
        self.images = 0
        self.rate = self.left = float('nan')

    def add(self, step: Step) -> None:
        """Takes note of a step that just ended."""
        now = time.monotonic()
        if self.first is None:
            self.first = now, step.iteration
            return
        self.images += step.images
        elapsed = max(now - self.first[0], 1e-6)
        self.rate = self.images / elapsed
        self.left = (step.total - step.iteration) * elapsed / max(step.iteration - self.first[1], 1)

    def text(self) -> str:
        """``'312 images/s, 1 min 5 s left'``, empty before the second step."""
        return f'{self.rate:.0f} images/s, {in_words(self.left)} left' if self.images else ''


class PlainDisplay:
    """Lines for a log.

    Args:
        console: where to print.
        stages: names of all stages in order.
    """

    def __init__(self, console: Console, stages: dict[str, str]) -> None:
        self.console, self.stages = console, stages
        self.meter, self.told = Meter(), 0.0

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        return None

    def start(self, stage: str) -> None:
        """A stage begins."""
        self.meter, self.told = Meter(), 0.0
        self._say(stage, 'begins')

    def step(self, stage: str, step: Step) -> None:
        """A part of a stage is done."""
        self.meter.add(step)
        share = step.iteration / step.total
        if share >= self.told + _LINE_EVERY and step.iteration < step.total:
            self.told = share
            self._say(stage, ', '.join(filter(None, (f'{100 * share:.0f} %', self.meter.text()))))

    def finish(self, stage: str, note: str) -> None:
        """A stage is complete."""
        self._say(stage, note)

    def _say(self, stage: str, text: str) -> None:
        number = list(self.stages).index(stage) + 1
        self.console.print(f'[{number}/{len(self.stages)}] {self.stages[stage]}: {text}', markup=False, highlight=False,
                           soft_wrap=True)


class RichDisplay:
    """One bar a stage, with rate and time left; the arguments are those of :class:`PlainDisplay`."""

    def __init__(self, console: Console, stages: dict[str, str]) -> None:
        self.progress = Progress(
            _Glyph(), TextColumn('{task.description}'), _Bar(bar_width=28),
            TextColumn('{task.percentage:>3.0f} %'), TextColumn('[dim]{task.fields[note]}'),
            console=console, redirect_stdout=False, redirect_stderr=False)
        self.tasks: dict[str, TaskID] = {
            stage: self.progress.add_task(title, start=False, total=None, note='') for stage, title in stages.items()}
        self.meter = Meter()

    def __enter__(self) -> RichDisplay:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.progress.stop()

    def start(self, stage: str) -> None:
        """A stage begins."""
        self.meter = Meter()
        self.progress.start_task(self.tasks[stage])
        self.progress.update(self.tasks[stage], note='begins')

    def step(self, stage: str, step: Step) -> None:
        """A part of a stage is done."""
        self.meter.add(step)
        self.progress.update(self.tasks[stage], completed=step.iteration, total=step.total, note=self.meter.text())

    def finish(self, stage: str, note: str) -> None:
        """A stage is complete."""
        self.progress.update(self.tasks[stage], completed=1, total=1, note=note)


class _Bar(BarColumn):
    """Empty before its stage starts, where rich's own would pulse as it does while the length is unknown."""

    def render(self, task: Task) -> ProgressBar:
        if not task.started:
            return ProgressBar(total=1, completed=0, width=self.bar_width)
        return super().render(task)


class _Glyph(ProgressColumn):
    """A tick when finished, a spinner while running, a dot before."""

    def __init__(self) -> None:
        super().__init__()
        self.spinner = SpinnerColumn(finished_text='[green]✓')

    def render(self, task: Task) -> Text:
        if not task.started:
            return Text('·', style='dim')
        return self.spinner.render(task)  # type: ignore[return-value]


Display = PlainDisplay | RichDisplay


def make_display(console: Console, stages: dict[str, str]) -> Display:
    """Bars where the console is a terminal that can draw them, lines elsewhere."""
    is_able = console.is_terminal and not console.is_dumb_terminal
    return RichDisplay(console, stages) if is_able else PlainDisplay(console, stages)
