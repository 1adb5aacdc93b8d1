"""Metrics as text (percent, units, durations), and the share of a gap that distillation closed."""

from __future__ import annotations

import math

ABSENT = '–'


def gap_closed(baseline: float, distilled: float, *, teacher: float) -> float | None:
    """The share of the gap between baseline and teacher that distillation closed: (d - b) / (t - b).

    Returns:
        1 where the student equals its teacher, negative where distillation did harm, and ``None`` where the teacher
        is not better than the baseline or a metric is missing, since the share is then meaningless.
    """
    if not all(map(math.isfinite, (baseline, distilled, teacher))) or teacher <= baseline:
        return None
    return (distilled - baseline) / (teacher - baseline)


def in_percent(share: float | None, digits: int = 1) -> str:
    """0.4567 as ``45.7``, the way average precision is printed; what is not defined as a dash."""
    return f'{100 * share:.{digits}f}' if share is not None and math.isfinite(share) else ABSENT


def in_units(value: float) -> str:
    """1234567 as ``1.23 M``."""
    if not math.isfinite(value):
        return ABSENT
    for size, letter in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if value >= size:
            return f'{value / size:.3g} {letter}'
    return f'{value:.0f}'


def in_words(seconds: float) -> str:
    """75.2 as ``1 min 15 s``."""
    if not math.isfinite(seconds):
        return ABSENT
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes} min {rest} s' if minutes else f'{rest} s'
