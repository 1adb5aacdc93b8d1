"""Interleaved runs, and sections of a step: one within another counts once."""

from __future__ import annotations

import pytest

from distilpose.benchmark import interleave
from distilpose.benchmark.timing import TimedSections, repeated
from distilpose.errors import DistilPoseError


def test_variants_take_turns_and_a_first_run_is_not_counted() -> None:
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


def test_no_runs_is_a_sentence() -> None:
    with pytest.raises(DistilPoseError, match='--runs is 0'):
        interleave({}, runs=0)


def test_short_work_is_repeated_within_a_run() -> None:
    now, calls = [0.0], []

    def work() -> None:
        calls.append(0)
        now[0] += .5 if len(calls) == 1 else .25  # the first call is slower, as it is in practice

    run = repeated(work, units=3, at_least=1, clock=lambda: now[0])
    assert len(calls) == 2
    assert run(0) == 4 * 3 and len(calls) == 2 + 4


class Work:
    """Has its own clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def inner(self) -> None:
        self.now += 2

    def outer(self, *, fail: bool = False) -> str:
        self.now += 1
        self.inner()
        if fail:
            raise KeyError
        self.now += 4
        return 'done'


def test_inner_sections_count_once_and_methods_come_back() -> None:
    machine = Work()
    machine.inner = own = machine.inner  # type: ignore[method-assign]
    sections = TimedSections(lambda: machine.now)
    with sections.patched([('outer', machine, 'outer'), ('inner', machine, 'inner')]):
        assert machine.outer() == 'done'
        machine.inner()
    machine.inner()
    assert sections.seconds == dict(outer=5, inner=4)
    assert vars(machine)['inner'] is own and 'outer' not in vars(machine)


def test_a_failure_leaves_the_methods_as_they_were() -> None:
    machine = Work()
    sections = TimedSections(lambda: machine.now)
    with pytest.raises(KeyError), sections.patched([('outer', machine, 'outer'), ('inner', machine, 'inner')]):
        machine.outer(fail=True)
    assert sections.seconds == dict(outer=1, inner=2) and vars(machine) == dict(now=3)
