"""Names of the points of a figure: in columns beside their points or a little above, so that none covers another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

from .figure_parts import blank, line, text, width_of

_LINE, _GAP, _SAME_COLUMN, _MOVED, _RISE = 17.0, 12.0, 6.0, 5.0, 10.0
_SIDES = [(True, 0.0), (False, 0.0), (True, _RISE), (False, _RISE)]
"""Whether names are right of their points, and how much above them."""


class Box(NamedTuple):
    """A rectangle of the drawing."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """The area that both cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0)

    def lacks(self, inner: Box) -> float:
        """How far another one reaches out of it to the left and to the right."""
        return max(self.left - inner.left, 0.0) + max(inner.right - self.right, 0.0)


class Label(NamedTuple):
    """A name for a point of the drawing."""

    x: float
    y: float
    text: str
    colour: str


@dataclass(frozen=True)
class _Column:
    """Names of points above each other, all on one side of them."""

    labels: Sequence[Label]
    boxes: Sequence[Box]
    is_right: bool
    rise: float
    """How much higher than their points names are, where nothing moves them."""
    badness: float
    """Of what they cover, but for other names."""


def draw_names(labels: Sequence[Label], *, area: Box, obstacles: Sequence[Box]) -> tuple[str, float]:
    """Names beside their points, with a line to the point where another name took the place beside it.

    Args:
        labels: of all points.
        area: where they may be.
        obstacles: what should stay visible.

    Returns:
        The drawing, and how much is covered or outside, to compare drawings with.
    """
    sides = [[_column(column, is_right, rise, area, obstacles) for is_right, rise in _SIDES]
             for column in _columns(labels)]
    chosen = [min(columns, key=lambda column: column.badness) for columns in sides]
    before = math.inf
    while _badness(chosen) < before:
        before = _badness(chosen)
        for index, columns in enumerate(sides):  # the best side of each, given those of the others
            chosen[index] = min(columns, key=lambda column: _badness([*chosen[:index], column, *chosen[index + 1:]]))
    return ''.join(map(_draw, chosen)), before


def spread_out(places: Sequence[float], *, low: float, high: float, least: float = _LINE) -> list[float]:
    """Ascending places moved apart to a least distance, by the least sum of squares, and then within bounds."""
    blocks: list[tuple[float, int]] = []  # mean and number of places that keep the least distance
    for index, place in enumerate(places):
        mean, count = place - index * least, 1
        while blocks and blocks[-1][0] > mean:
            other, number = blocks.pop()
            mean, count = (mean * count + other * number) / (count + number), count + number
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    number = len(places)
    return [min(max(mean, low), high - (number - 1) * least) + index * least for index, mean in enumerate(means)]


def _columns(labels: Sequence[Label]) -> list[list[Label]]:
    """Groups of points that are nearly above each other, each from the top to the bottom."""
    columns: list[list[Label]] = []
    for label in sorted(labels):
        if columns and label.x - columns[-1][-1].x < _SAME_COLUMN:
            columns[-1].append(label)
        else:
            columns.append([label])
    return [sorted(column, key=lambda label: label.y) for column in columns]


def _column(labels: Sequence[Label], is_right: bool, rise: float, area: Box, obstacles: Sequence[Box]) -> _Column:
    wished = [label.y - rise for label in labels]
    middles = spread_out(wished, low=area.top + _LINE / 2, high=area.bottom - _LINE / 2)
    moved = sum(abs(middle - wish) for middle, wish in zip(middles, wished, strict=True))
    gap = _GAP + (8 if moved > _MOVED else 0)
    edge = max(label.x for label in labels) + gap if is_right else min(label.x for label in labels) - gap
    boxes = []
    for middle, label in zip(middles, labels, strict=True):
        far = edge + width_of(label.text) * (1 if is_right else -1)
        boxes.append(Box(min(edge, far), middle - _LINE / 2, max(edge, far), middle + _LINE / 2))
    covered = sum(box.overlap(other) for box in boxes for other in obstacles)
    outside = sum(area.lacks(box) for box in boxes)
    badness = 30 * covered + 100 * outside + 10 * moved + rise + (not is_right)
    return _Column(labels, boxes, is_right, rise, badness)


def _badness(columns: Sequence[_Column]) -> float:
    between = sum(box.overlap(other) for one, two in combinations(columns, 2)
                  for box, other in product(one.boxes, two.boxes))
    return sum(column.badness for column in columns) + 50 * between


def _draw(column: _Column) -> str:
    parts = []
    for label, box in zip(column.labels, column.boxes, strict=True):
        edge, middle = box.left if column.is_right else box.right, (box.top + box.bottom) / 2
        if abs(middle + column.rise - label.y) > _MOVED:
            parts.append(line(label.x, label.y, edge, middle, kind='leader'))
        parts.append(blank(box.left + 2, box.top + 2, box.right - 2, box.bottom - 2))
        parts.append(text(edge, middle + 4.5, label.text, anchor='start' if column.is_right else 'end',
                          colour=label.colour, name=True))
    return ''.join(parts)
