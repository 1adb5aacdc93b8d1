"""Interleaved runs, and what a report makes of them."""

from __future__ import annotations

import json

import pytest

from distilpose.benchmark import Report, display, interleave
from distilpose.errors import DistilPoseError


def test_ways_take_turns_and_a_first_run_is_not_counted() -> None:
    turns: list[tuple[str, int]] = []
    now = [0.0]

    def work(name: str, *, duration: float, units: int):
        def run(number: int) -> int:
            turns.append((name, number))
            now[0] += duration
            return units
        return run

    found = interleave(dict(a=work('a', duration=2.0, units=4), b=work('b', duration=3.0, units=1)), runs=2,
                       clock=lambda: now[0])
    assert turns == [('a', 0), ('b', 0), ('a', 0), ('b', 0), ('a', 1), ('b', 1)]
    assert found == dict(a=[.5, .5], b=[3., 3.])


def test_a_ratio_is_of_neighbours() -> None:
    report = Report('images', dict(config=[1., 2., 8.], plain=[2., 6., 8.]), clock='seconds')
    assert report.rate('config') == .5
    assert report.ratio('plain') == 2
    assert json.loads(display.as_json(report))['times_as_fast_as'] == dict(plain=2)
    assert 'config is 2.00 times as fast as plain' in display.as_text(report)


def test_no_runs_is_a_sentence() -> None:
    with pytest.raises(DistilPoseError, match='--runs is 0'):
        interleave({}, runs=0)
