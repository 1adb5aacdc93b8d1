"""Dot charts as inline SVG: one row a keypoint and one dot a model, or one share with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, ROW, LEFT, RIGHT, TOP = 1000, 30, 150, 20, 34
FIRST, LAST = -0.25, 1.25  # what is beyond is drawn at the end of the line


def draw_dots(rows: Mapping[str, Mapping[str, float | None]], *, titles: Mapping[str, str], label: str) -> str:
    """Draws figures in [0, 1] as percent; a figure that is not defined has no dot.

    Args:
        rows: name of the row -> role -> figure.
        titles: role -> name of the model, in the order of the legend.
        label: what the figures are, for readers that see no picture.

    Returns:
        A ``<figure>`` element with a legend.
    """
    values = [value for row in rows.values() for value in row.values() if value is not None]
    last = max(math.ceil(10 * max(values, default=0.1)) / 10, 0.1)
    height = TOP + ROW * len(rows) + 8
    drawn = ''.join(_row(name, row, place=TOP + ROW * (index + 0.5), last=last, titles=titles)
                    for index, (name, row) in enumerate(rows.items()))
    legend = ''.join(f'<span class="{escape(role)}"><i></i>{escape(title)}</span>' for role, title in titles.items())
    return (f'<figure><figcaption class="legend">{legend}</figcaption><div class="scroll"><svg class="dots" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{_grid(last, height)}{drawn}</svg>'
            '</div></figure>')


def _x(value: float, last: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * value / last


def _grid(last: float, height: int) -> str:
    step = 5 if last <= 0.3 else 10
    return ''.join(
        f'<line class="grid" x1="{_x(tick / 100, last):.1f}" x2="{_x(tick / 100, last):.1f}" y1="{TOP - 6}" '
        f'y2="{height}"/><text class="tick" x="{_x(tick / 100, last):.1f}" y="{TOP - 14}" text-anchor="middle">{tick}'
        '</text>' for tick in range(0, round(100 * last) + 1, step))


def _row(name: str, row: Mapping[str, float | None], *, place: float, last: float, titles: Mapping[str, str]) -> str:
    known = {role: value for role, value in row.items() if value is not None and role in titles}
    parts = [f'<text class="tick" x="{LEFT - 14}" y="{place + 4.5:.1f}" text-anchor="end">{escape(name)}</text>']
    if known:
        parts.append(f'<line class="span" x1="{_x(min(known.values()), last):.1f}" y1="{place:.1f}" y2="{place:.1f}" '
                     f'x2="{_x(max(known.values()), last):.1f}"/>')
    parts += [f'<circle class="{escape(role)}" cx="{_x(known[role], last):.1f}" cy="{place:.1f}" r="6.5"><title>'
              f'{escape(name)}, {escape(title)}: {100 * known[role]:.1f}</title></circle>'
              for role, title in titles.items() if role in known]
    return ''.join(parts)


def draw_interval(value: float | None, low: float | None, high: float | None, *, role: str, ends: Sequence[str]) -> str:
    """A share with its interval on a line from 0 to 1 that extends a little at both ends.

    Args:
        value: the share; ``None`` draws nothing.
        low: where the interval begins, ``None`` for no interval.
        high: where it ends.
        role: of the student.
        ends: what 0 and 1 are.
    """
    if value is None:
        return ''
    shown = (0.0, 1.0, value, value if low is None else low, value if high is None else high)
    place = [10 + 280 * (min(max(share, FIRST), LAST) - FIRST) / (LAST - FIRST) for share in shown]
    names = ''.join(f'<text class="tick" x="{x:.1f}" y="34" text-anchor="middle">{escape(name)}</text>'
                    for x, name in zip(place, ends, strict=False))
    marks = ''.join(f'<line class="end" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="20"/>' for x in place[:2])
    return (f'<svg class="interval {escape(role)}" viewBox="0 0 300 38" role="img" aria-label="interval">'
            f'<line class="grid" x1="10" x2="290" y1="12" y2="12"/>{marks}{names}'
            f'<line class="range" x1="{place[3]:.1f}" x2="{place[4]:.1f}" y1="12" y2="12"/>'
            f'<circle cx="{place[2]:.1f}" cy="12" r="6"/></svg>')
