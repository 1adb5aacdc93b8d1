"""Axes of a figure: percent upwards over anything to the right, with a grid, intervals and labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from distilpose.report.curves import linear_ticks

from .figure_parts import WIDTH, dot, line, text, whisker
from .point_names import Box
from .statistics import Interval

HEIGHT = 560
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 34, 58


@dataclass(frozen=True)
class Plot:
    """Places of values on the drawing; ``low`` and ``high`` are fractions, the horizontal values are of any kind."""

    first: float
    last: float
    low: float
    high: float
    right: float = WIDTH - _RIGHT
    """Where the axis ends, before the names of lines."""

    @classmethod
    def around(cls, places: Iterable[float], intervals: Iterable[Interval], *, least: float,
               margins: tuple[float, float], right: float = WIDTH - _RIGHT) -> Plot:
        """Axes that hold all values.

        Args:
            places: horizontal ones.
            intervals: vertical ones.
            least: extent of the horizontal axis, where the places are nearer to one another.
            margins: left of the first place and right of the last one, in units of the drawing.
            right: where the horizontal axis ends.
        """
        across = sorted(places)
        first, last = across[0], across[-1]
        missing = max(least - (last - first), 0.0) / 2
        first, last = first - missing, last + missing
        values = [value for one in intervals for value in (one.value, one.low, one.high) if value is not None]
        low, high = min(values), max(values)
        more = max(0.06 * (high - low), 0.01)
        unit = (last - first) / (right - _LEFT - sum(margins))
        return cls(first - margins[0] * unit, last + margins[1] * unit, max(low - more, 0.0), high + more, right)

    def x(self, value: float) -> float:
        """Horizontal place."""
        return _LEFT + (self.right - _LEFT) * (value - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        """Vertical place of a fraction."""
        return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * (value - self.low) / (self.high - self.low)

    def grid(self, ticks: Iterable[tuple[float, str]], *, below: str, above: str) -> str:
        """Lines and their values.

        Args:
            ticks: horizontal value and its text.
            below: what the horizontal axis is.
            above: what the vertical axis is.
        """
        rows = [(tick, self.y(tick / 100)) for tick in linear_ticks(100 * self.low, 100 * self.high)]
        parts = [line(_LEFT, y, self.right, y) + text(_LEFT - 8, y + 4.5, f'{tick:g}', anchor='end')
                 for tick, y in rows]
        parts += [line(self.x(value), _TOP, self.x(value), HEIGHT - _BOTTOM)
                  + text(self.x(value), HEIGHT - _BOTTOM + 20, words, anchor='middle') for value, words in ticks]
        return ''.join((*parts, text((_LEFT + self.right) / 2, HEIGHT - 12, below, anchor='middle'),
                        text(_LEFT - 8, _TOP - 14, above)))

    def point(self, x: float, found: Interval, *, colour: str, tooltip: str, radius: float = 6.5) -> str:
        """A value with its interval."""
        if found.value is None:
            return ''
        drawn = dot(x, self.y(found.value), colour=colour, tooltip=f'{tooltip}: {100 * found.value:.1f}', radius=radius)
        if found.low is None or found.high is None:
            return drawn
        return whisker((x, self.y(found.low)), (x, self.y(found.high)), colour=colour) + drawn

    def space_of(self, x: float, found: Interval) -> list[Box]:
        """What a point and its interval cover."""
        value = found.value or 0.0
        y, top, bottom = (self.y(one) for one in (value, found.high or value, found.low or value))
        return [Box(x - 8, y - 8, x + 8, y + 8), Box(x - 5, top, x + 5, bottom)]

    @property
    def area(self) -> Box:
        """Where names may be."""
        return Box(_LEFT + 2, _TOP - 2, WIDTH - 6, HEIGHT - _BOTTOM - 2)

    @property
    def left_end(self) -> float:
        """Where the horizontal axis begins."""
        return _LEFT
