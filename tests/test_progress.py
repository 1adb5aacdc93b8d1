"""Progress on a terminal and elsewhere."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from distilpose import progress
from distilpose.progress import Meter, ProgressDisplay, shown_on, tracked


def test_items_are_counted_in_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, '_SECONDS_BETWEEN_LINES', 0.0)
    monkeypatch.setattr(sys, 'stderr', io.StringIO())
    assert list(tracked('abc', total=3, description='Reading', unit='frames')) == ['a', 'b', 'c']
    lines = sys.stderr.getvalue().splitlines()
    assert len(lines) == 3 and all(line.startswith('Reading: ') and 'frames/s' in line for line in lines)
    assert lines[-1].startswith('Reading: 3 of 3, ') and lines[-1].endswith('00:00 left')


def test_lines_are_rare_and_the_last_one_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'stderr', io.StringIO())
    assert len(list(tracked(range(50), total=50, description='Reading'))) == 50
    assert sys.stderr.getvalue().count('\n') == 1


def test_a_number_of_items_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, '_SECONDS_BETWEEN_LINES', 0.0)
    monkeypatch.setattr(sys, 'stderr', io.StringIO())
    assert len(list(tracked(range(2), total=None, description='Reading'))) == 2
    assert 'Reading: 2, ' in sys.stderr.getvalue() and 'left' not in sys.stderr.getvalue()
    stream = io.StringIO()
    display = ProgressDisplay(Console(file=stream, force_terminal=True, width=80))
    display.show(display.add('Reading', None), 'Reading', completed=1, rate='', seconds=None)
    display.close()
    assert 'Reading' in stream.getvalue()


def test_another_stream_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, '_SECONDS_BETWEEN_LINES', 0.0)
    monkeypatch.setattr(sys, 'stderr', io.StringIO())
    assert ProgressDisplay.on_terminal() is None
    stream = io.StringIO()
    with shown_on(stream):
        display = ProgressDisplay.on_terminal()
    meter = Meter(display.add('train', 4))
    meter.start()
    assert meter.tick(2)
    display.update(meter, 'train', completed=1, remaining=3, metrics='')
    display.close()
    assert stream.getvalue().startswith('train: 1 of 4, ') and 'images/s' in stream.getvalue()
    assert not sys.stderr.getvalue()
