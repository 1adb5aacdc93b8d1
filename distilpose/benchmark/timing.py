"""Timing: interleaved runs of several variants, so that a busy moment slows all of them, and timed sections."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from distilpose.errors import DistilPoseError


def interleave(variants: Mapping[str, Callable[[int], int]], *, runs: int,
               clock: Callable[[], float] = time.process_time) -> dict[str, list[float]]:
    """Seconds for one unit of work, of every variant and run; the variants take turns. One run of each is not counted.

    Args:
        variants: name -> function that does the work of run number N and returns its number of units.
        runs: of each way.
        clock: gives seconds; by default this process's CPU time.

    Raises:
        DistilPoseError: no runs.
    """
    if runs < 1:
        raise DistilPoseError(f'--runs is {runs}; at least one is needed')
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for run in range(-1, runs):
        for name, work in variants.items():
            start = clock()
            units = work(max(run, 0))
            if run >= 0:
                seconds[name].append((clock() - start) / units)
    return seconds


def repeated(work: Callable[[], object], *, units: int, at_least: float, clock: Callable[[], float]
             ) -> Callable[[int], int]:
    """A function for :func:`interleave` that repeats some work until a run is long enough for the clock.

    Args:
        work: is done twice here, to estimate its time.
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


class TimedSections:
    """Adds up the time of sections of a step; a section within another one counts for itself only.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = 0.0

    @contextmanager
    def timed(self, section: str) -> Iterator[None]:
        """Adds the time until the block ends."""
        start, outer, self._inner = self.clock(), self._inner, 0.0
        try:
            yield
        finally:
            took = self.clock() - start
            self.seconds[section] += took - self._inner
            self._inner = outer + took

    @contextmanager
    def patched(self, methods: Iterable[tuple[str, Any, str]]) -> Iterator[None]:
        """While open, times methods of objects. They are patched meanwhile: nothing else may use them.

        Args:
            methods: (section, object, name of its method); several may belong to a section.
        """
        with ExitStack() as stack:
            for section, owner, name in methods:
                stack.enter_context(patch.object(owner, name, self._timing(section, getattr(owner, name))))
            yield

    def _timing(self, section: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.timed(section):
                return method(*args, **kwargs)
        return call
