"""Bootstrap intervals of metrics: images are drawn with replacement, the same ones for every model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distilpose.report import gap_closed

DRAWS, SEED = 1000, 0
CONFIDENCE = 0.95
_UNDEFINED_AT_MOST = 0.05  # of the draws; with more of them there is no telling where the interval ends


@dataclass(frozen=True)
class Estimate:
    """A figure of the images as they are, and of every draw of them."""

    value: float
    draws: np.ndarray
    """(B,)"""


@dataclass(frozen=True)
class Interval:
    """A figure with the range that holds :data:`CONFIDENCE` of its draws; ``None`` is what is not defined."""

    value: float | None
    low: float | None
    high: float | None
    defined: float = 1.0
    """Share of the draws in which the figure is defined."""


def draw_images(number: int, *, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """How often each of ``number`` images is in each draw of as many: (B, I)."""
    return np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=draws)


def mean_over_seeds(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of the same figure for several seeds, which see the same draws."""
    return Estimate(float(np.mean([estimate.value for estimate in estimates])),
                    np.mean([estimate.draws for estimate in estimates], axis=0))


def interval(estimate: Estimate) -> Interval:
    """Percentile bootstrap of a figure; NaN in a draw or as the value means that it is not defined there."""
    if not np.isfinite(estimate.value):
        return Interval(None, None, None, 0.0)
    usable = estimate.draws[np.isfinite(estimate.draws)]
    defined = len(usable) / len(estimate.draws)
    if defined < 1 - _UNDEFINED_AT_MOST:
        return Interval(estimate.value, None, None, defined)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(usable, [tail, 1 - tail])
    return Interval(estimate.value, float(low), float(high), defined)


def gain(baseline: Estimate, student: Estimate) -> Interval:
    """What a student has more than the baseline."""
    return interval(Estimate(student.value - baseline.value, student.draws - baseline.draws))


def gap(baseline: Estimate, student: Estimate, *, teacher: Estimate) -> Interval:
    """The share of the way from baseline to teacher that the student went: (s - b) / (t - b).

    It is not defined where the teacher is no better than the baseline, and its interval is not where that happens in
    more than one draw of twenty.
    """
    value = gap_closed(baseline.value, student.value, teacher=teacher.value)
    distance = teacher.draws - baseline.draws
    draws = np.divide(student.draws - baseline.draws, distance, out=np.full(len(distance), np.nan), where=distance > 0)
    return interval(Estimate(np.nan if value is None else value, draws))
