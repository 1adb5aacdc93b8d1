"""Training curves as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 40
MAX_POINTS = 400


@dataclass(frozen=True)
class Curve:
    """One value for every iteration; a value that is not finite leaves a gap in the line."""

    role: str
    label: str
    values: Sequence[float]


@dataclass(frozen=True)
class Axes:
    """Places of iterations and values on the drawing."""

    last: int
    low: float
    high: float
    is_linear: bool = False
    """Whether values are; else their logarithms to base 10."""

    def x(self, iteration: float) -> float:
        """Horizontal place of an iteration, counted from 1."""
        return LEFT + (WIDTH - LEFT - RIGHT) * (iteration - 1) / max(self.last - 1, 1)

    def y(self, value: float) -> float:
        """Vertical place of a value."""
        share = ((value if self.is_linear else math.log10(value)) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def draw_curves(curves: Sequence[Curve], *, label: str, steps: str = 'iteration', is_linear: bool = False) -> str:
    """Draws curves on the same axes: every value faintly, the running mean above it.

    Args:
        curves: what to draw; empty ones are left out.
        label: what the values are, for the axis and for readers that see no picture.
        steps: name of the horizontal axis.
        is_linear: draw values on a linear axis, where 0 has a place, and not on a logarithmic one.

    Returns:
        An ``<svg>`` element, or a sentence where there is nothing to draw.
    """
    drawn = [curve for curve in curves if len(_drawable(curve.values, is_linear))]
    if not drawn:
        return f'<p class="empty">No {escape(label)} was recorded.</p>'
    axes = _axes(drawn, is_linear)
    lines = ''.join(_lines(curve, axes) for curve in drawn)
    return (f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
            f'{_grid(axes)}{lines}<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" '
            f'text-anchor="middle">{escape(steps)}</text></svg>{_legend(drawn)}</figure>')


def running_mean(values: Sequence[float], window: int) -> np.ndarray:
    """Mean of each value and those up to ``window`` - 1 before it, values that are not finite left out."""
    data = np.asarray(values, dtype=float)
    finite = np.isfinite(data)
    sums = np.cumsum(np.where(finite, data, 0.0))
    counts = np.cumsum(finite)
    before = np.maximum(np.arange(len(data)) - window, -1)
    total = sums - np.where(before >= 0, sums[before], 0.0)
    count = counts - np.where(before >= 0, counts[before], 0)
    return np.divide(total, count, out=np.full(len(data), np.nan), where=count > 0)


def _drawable(values: Sequence[float], is_linear: bool) -> np.ndarray:
    data = np.asarray(values, dtype=float)
    return data[np.isfinite(data) & (is_linear | (data > 0))]


def _axes(curves: Sequence[Curve], is_linear: bool) -> Axes:
    values = np.concatenate([_drawable(curve.values, is_linear) for curve in curves])
    low, high = values.min(), np.quantile(values, 1.0 if is_linear else 0.995)
    if not is_linear:
        low, high = math.log10(low), math.log10(high)
    margin = max(0.05 * (high - low), 0.02)
    return Axes(max(len(curve.values) for curve in curves), low - margin, high + margin, is_linear)


def _grid(axes: Axes) -> str:
    parts = []
    for value in (linear_ticks if axes.is_linear else log_ticks)(axes.low, axes.high):
        y = axes.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.2g}</text>')
    for iteration in iteration_ticks(axes.last):
        x = axes.x(iteration)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                     f'{iteration}</text>')
    return ''.join(parts)


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of every decade, or fewer or more of them, whichever leaves a handful.

    Args:
        low: logarithm to base 10 of the axis's lower end.
        high: that of the upper end.
    """
    decades = range(math.floor(low), math.ceil(high) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), tuple(n / 10 for n in range(10, 100))):
        ticks = [step * 10.0 ** decade for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= math.log10(tick) <= high]
        if len(ticks) >= 3:
            return ticks[::max(len(ticks) // 6, 1)]
    return [10.0 ** low, 10.0 ** ((low + high) / 2), 10.0 ** high]


def linear_ticks(low: float, high: float) -> list[float]:
    """Round values at even distances, at most seven."""
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step *= next(times for times in (1, 2, 5, 10) if (high - low) / (step * times) <= 6)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def iteration_ticks(last: int) -> list[int]:
    """Which iterations an axis that ends at ``last`` names."""
    step = next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
                 if last / step <= 6), max(last // 5, 1))
    return [1, *range(step, last + 1, step)] if step > 1 else list(range(1, last + 1))


def _lines(curve: Curve, axes: Axes) -> str:
    window = max(len(curve.values) // 40, 1)
    mean = running_mean(curve.values, window)
    raw = f'<path class="raw {escape(curve.role)}" d="{_path(curve.values, axes)}"/>' if window > 1 else ''
    return f'{raw}<path class="line {escape(curve.role)}" d="{_path(mean, axes)}"/>'


def _path(values: Sequence[float] | np.ndarray, axes: Axes) -> str:
    """SVG path commands; a value that cannot be drawn starts a new piece."""
    commands, pen_is_down = [], False
    stride = max(len(values) // MAX_POINTS, 1)
    for index in range(0, len(values), stride):
        value = float(values[index])
        if not (math.isfinite(value) and (axes.is_linear or value > 0)):
            pen_is_down = False
            continue
        y = max(axes.y(value), TOP)
        commands.append(f'{"L" if pen_is_down else "M"}{axes.x(index + 1):.1f} {y:.1f}')
        pen_is_down = True
    return ''.join(commands)


def _legend(curves: Sequence[Curve]) -> str:
    entries = []
    for curve in curves:
        mean = running_mean(curve.values, max(len(curve.values) // 40, 1))
        finite = mean[np.isfinite(mean)]
        entries.append(f'<span class="{escape(curve.role)}"><i></i>{escape(curve.label)} '
                       f'<b>{finite[-1]:.3g}</b> at the end</span>')
    return f'<figcaption class="legend">{"".join(entries)}</figcaption>'
