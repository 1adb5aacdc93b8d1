"""Times of several ways to do the same work, one after the other and again, so that a busy moment hits all alike."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from distilpose.errors import DistilPoseError

from .ceilings import Ceilings


@dataclass(frozen=True)
class Report:
    """What a benchmark found."""

    unit: str
    """What is counted, in the plural, such as ``images``."""
    seconds: dict[str, list[float]]
    """Way of working -> seconds for one unit, of every run. The last is what the others are compared with."""
    clock: str
    """What a second is: of which clock."""
    details: dict[str, dict[str, float]] = field(default_factory=dict)
    """Way of working -> part -> milliseconds for one unit."""
    flops: dict[str, dict[str, float]] = field(default_factory=dict)
    """Way of working -> type -> floating-point operations of its matrix products for one unit."""
    ceilings: Ceilings | None = None
    """What the machine can do at best, where that was measured."""
    memory: dict[str, int] | None = field(default_factory=dict)
    """Way of working -> bytes that a run adds at its peak; ``None`` where this machine does not tell."""
    notes: list[str] = field(default_factory=list)
    """Sentences that belong to the figures."""

    def rate(self, name: str) -> float:
        """Units a second, by the median run."""
        return 1 / statistics.median(self.seconds[name])

    @property
    def compared_with(self) -> str:
        """The way that the others are compared with."""
        return list(self.seconds)[-1]

    def ratio(self, name: str) -> float:
        """How many times as fast a way is as the last one: the median over the runs, each against its neighbour."""
        last = self.seconds[self.compared_with]
        return statistics.median(other / mine for mine, other in zip(self.seconds[name], last, strict=True))

    def share(self, name: str) -> float | None:
        """Share of the ceiling of matrix products that a way reaches, by the median run; ``None`` if unknown."""
        if self.ceilings is None:
            return None
        return self.ceilings.share(self.flops.get(name, {}), statistics.median(self.seconds[name]))


def interleave(ways: Mapping[str, Callable[[int], int]], *, runs: int,
               clock: Callable[[], float] = time.process_time) -> dict[str, list[float]]:
    """Seconds for one unit of work, of every way and run; the ways take turns. One run of each is not counted.

    Args:
        ways: name -> what does the work of a run, given its number, and returns how many units that was.
        runs: of each way.
        clock: gives seconds; by default those that this process was at work.

    Raises:
        DistilPoseError: no runs.
    """
    if runs < 1:
        raise DistilPoseError(f'--runs is {runs}; at least one is needed')
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(-1, runs):
        for name, work in ways.items():
            start = clock()
            units = work(max(run, 0))
            if run >= 0:
                seconds[name].append((clock() - start) / units)
    return seconds


def repeated(work: Callable[[], object], *, units: int, at_least: float, clock: Callable[[], float]
             ) -> Callable[[int], int]:
    """What does some work so often in a run that the run lasts long enough for the clock.

    Args:
        work: is done twice here, to see how long it takes.
        units: of one call of it.
        at_least: seconds of a run.
        clock: gives seconds.
    """
    work()
    start = clock()
    work()
    calls = math.ceil(at_least / max(clock() - start, 1e-6))

    def run(number: int) -> int:
        for _ in range(calls):
            work()
        return calls * units

    return run
