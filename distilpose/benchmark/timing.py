"""Times of several ways to do the same work, one after the other and again, so that a busy moment hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from distilpose.errors import DistilPoseError


@dataclass(frozen=True)
class Report:
    """What a benchmark found."""

    unit: str
    """What is counted, in the plural, such as ``images``."""
    seconds: dict[str, list[float]]
    """Way of working -> seconds for one unit, of every run. The first is the config's."""
    clock: str
    """What a second is: of which clock."""
    details: dict[str, dict[str, float]] = field(default_factory=dict)
    """Way of working -> part -> milliseconds for one unit."""

    def rate(self, name: str) -> float:
        """Units a second, by the median run."""
        return 1 / statistics.median(self.seconds[name])

    def ratio(self, name: str) -> float:
        """How many times as fast as another the config is: the median over the runs, each against its neighbour."""
        own = next(iter(self.seconds.values()))
        return statistics.median(other / mine for mine, other in zip(own, self.seconds[name], strict=True))


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
