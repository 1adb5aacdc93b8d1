"""The measured figures of a model and what follows from three of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

ABSENT = '–'


@dataclass(frozen=True)
class ModelFigures:
    """One row of a comparison. Shares are fractions; a figure that was not measured is NaN."""

    role: str
    """``'teacher'``, ``'baseline'`` or ``'distilled'``: its colour on the page."""
    title: str
    ap: float
    ap50: float
    ap75: float
    mean_oks: float
    """Mean object-keypoint similarity of one prediction for every labelled person; no scores are involved."""
    pck: float
    """Share of labelled joints within a tenth of the longer side of the person's box; no scores are involved."""
    parameters: float
    """Trainable parameters."""
    macs: float
    """Multiply-adds of convolutions, linear layers and attention for one image."""
    images_per_second: float


@dataclass(frozen=True)
class Column:
    """How one figure is headed, explained and written."""

    heading: str
    meaning: str
    text: Callable[[ModelFigures], str]


def gap_closed(baseline: float, distilled: float, *, teacher: float) -> float | None:
    """The share of the way from baseline to teacher that distillation went: (d - b) / (t - b).

    Returns:
        1 where the student equals its teacher, negative where distillation did harm, and ``None`` where the teacher
        is not better than the baseline or a figure is missing, since the share then says nothing.
    """
    if not all(map(math.isfinite, (baseline, distilled, teacher))) or teacher <= baseline:
        return None
    return (distilled - baseline) / (teacher - baseline)


def in_percent(share: float, digits: int = 1) -> str:
    """0.4567 as ``45.7``, the way average precision is printed."""
    return f'{100 * share:.{digits}f}' if math.isfinite(share) else ABSENT


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


COLUMNS = (
    Column('AP', 'COCO average precision over OKS thresholds 0.50 to 0.95, with the boxes of the annotation',
           lambda row: in_percent(row.ap)),
    Column('AP50', 'average precision at OKS 0.50', lambda row: in_percent(row.ap50)),
    Column('AP75', 'average precision at OKS 0.75', lambda row: in_percent(row.ap75)),
    Column('OKS', 'mean object-keypoint similarity of all people; free of confidence scores',
           lambda row: in_percent(row.mean_oks)),
    Column('PCK', 'PCK@0.1: joints within a tenth of the longer side of the box; free of confidence scores',
           lambda row: in_percent(row.pck)),
    Column('params', 'trainable parameters', lambda row: in_units(row.parameters)),
    Column('MACs', 'multiply-adds of convolutions, linear layers and attention, one image',
           lambda row: in_units(row.macs)),
    Column('images/s', 'forward passes a second, one image at a time, without reading or decoding it',
           lambda row: f'{row.images_per_second:.0f}' if math.isfinite(row.images_per_second) else ABSENT),
)
