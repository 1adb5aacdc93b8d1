"""The parts of a step: what one spends in another counts once."""

from __future__ import annotations

import pytest

from distilpose.benchmark.timed_sections import Parts


class Machine:
    """Whose time passes when it is told to."""

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


def test_inner_parts_count_once_and_methods_come_back() -> None:
    machine = Machine()
    machine.inner = own = machine.inner  # type: ignore[method-assign]
    parts = Parts(lambda: machine.now)
    with parts.watching([('outer', machine, 'outer'), ('inner', machine, 'inner')]):
        assert machine.outer() == 'done'
        machine.inner()
    machine.inner()
    assert parts.seconds == dict(outer=5, inner=4)
    assert vars(machine)['inner'] is own and 'outer' not in vars(machine)


def test_a_failure_leaves_the_methods_as_they_were() -> None:
    machine = Machine()
    parts = Parts(lambda: machine.now)
    with pytest.raises(KeyError), parts.watching([('outer', machine, 'outer'), ('inner', machine, 'inner')]):
        machine.outer(fail=True)
    assert parts.seconds == dict(outer=1, inner=2) and vars(machine) == dict(now=3)
