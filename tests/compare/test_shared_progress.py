"""One progress display for trainings beside each other."""

from __future__ import annotations

import io
import pickle

import pytest
from rich.console import Console

from distilpose import progress
from distilpose.compare.shared_progress import Bar, DisplayPart, SharedDisplay
from distilpose.progress import Meter, ProgressDisplay, shown_by


def started(display: ProgressDisplay) -> Meter:
    meter = Meter(display.add('train', 4))
    meter.start()
    meter.tick(2)
    return meter


def test_lines_of_two_trainings_name_them_and_each_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, now = io.StringIO(), [0.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    shared = SharedDisplay(ProgressDisplay(Console(file=stream, width=120)))
    parts = [DisplayPart(name, shared.show) for name in ('teacher', 'student')]
    meters = [started(part) for part in parts]
    for seconds in (1.0, 11.0, 12.0):
        now[0] = seconds
        for part, meter in zip(parts, meters, strict=True):
            part.update(meter, 'train', completed=int(seconds), remaining=3, metrics='')
    assert [line.split(',')[0] for line in stream.getvalue().splitlines()] == [
        'teacher: train: 11 of 4', 'student: train: 11 of 4']


def test_bars_of_two_trainings_are_drawn_beside_each_other_and_taken_away() -> None:
    display = ProgressDisplay(Console(file=io.StringIO(), force_terminal=True, width=100))
    shared = SharedDisplay(display)
    parts = [DisplayPart(name, lambda bar: shared.show(pickle.loads(pickle.dumps(bar))))
             for name in ('teacher', 'student')]
    for part in parts:
        part.update(started(part), 'train', completed=1, remaining=3, metrics='loss 1')
    assert [task.description for task in display.progress.tasks] == ['teacher: train', 'student: train']
    parts[0].close()
    parts[0].close()
    assert [task.description for task in display.progress.tasks] == ['student: train']
    shared.close()
    shared.show(Bar('student', 0, 'train', 4, 2))  # of another process, and too late


def test_a_hook_gets_the_part_of_its_training() -> None:
    bars: list[Bar] = []
    with shown_by(lambda is_transient: DisplayPart('teacher', bars.append)):
        display = ProgressDisplay.on_terminal()
        assert display is not None
        meter = started(display)
        display.update(meter, 'train', completed=1, remaining=3, metrics='')
        display.remove(meter)
    assert [(bar.training, bar.title, bar.completed) for bar in bars] == [('teacher', 'train', 1), ('teacher', '', 0)]
