"""A share and how sure it is, on a line."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

FIRST, LAST = -0.25, 1.25  # what is beyond is drawn at the end of the line


def draw_interval(value: float | None, low: float | None, high: float | None, *, role: str, ends: Sequence[str]) -> str:
    """A share with its interval on a line from 0 to 1 that goes on a little at both ends.

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
