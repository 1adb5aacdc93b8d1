"""Stacked area chart of shares over a training, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from .curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, iteration_ticks


@dataclass(frozen=True)
class Layer:
    """One share at every step; the shares of a step sum to 1."""

    role: str
    label: str
    values: Sequence[float]


def draw_areas(layers: Sequence[Layer], *, steps: Sequence[int], label: str) -> str:
    """Stacks shares, the first one at the bottom.

    Args:
        layers: each with as many values as there are steps.
        steps: iterations, ascending.
        label: what the shares are, for readers that see no picture.

    Returns:
        A ``<figure>`` element with a legend, or a sentence where there is nothing to draw.
    """
    if not layers or len(steps) < 2:
        return f'<p class="empty">There is no {escape(label)}.</p>'
    heights = np.vstack([np.zeros(len(steps)), np.cumsum([layer.values for layer in layers], axis=0)])
    x = LEFT + (WIDTH - LEFT - RIGHT) * (np.asarray(steps) - steps[0]) / (steps[-1] - steps[0])
    y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * heights
    areas = ''.join(
        f'<path class="area {escape(layer.role)}" d="{_outline(x, y[index], y[index + 1])}">'
        f'<title>{escape(layer.label)}</title></path>' for index, layer in enumerate(layers))
    return (f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{_grid(steps)}'
            f'{areas}<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">'
            f'iteration</text></svg>{_legend(layers)}</figure>')


def _outline(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    forth = [f'{a:.1f} {b:.1f}' for a, b in zip(x, high, strict=True)]
    back = [f'{a:.1f} {b:.1f}' for a, b in zip(x[::-1], low[::-1], strict=True)]
    return f'M{"L".join([*forth, *back])}Z'


def _grid(steps: Sequence[int]) -> str:
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * percent / 100
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    for step in iteration_ticks(steps[-1]):
        if step >= steps[0]:
            x = LEFT + (WIDTH - LEFT - RIGHT) * (step - steps[0]) / (steps[-1] - steps[0])
            parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step}'
                         '</text>')
    return ''.join(parts)


def _legend(layers: Sequence[Layer]) -> str:
    entries = ''.join(
        f'<span class="{escape(layer.role)}"><i></i>{escape(layer.label)} <b>{_percent(float(np.mean(layer.values)))}'
        '</b> on average</span>' for layer in reversed(layers))
    return f'<figcaption class="legend">{entries}</figcaption>'


def _percent(share: float) -> str:
    """``'34.8 %'``, and two digits of what is too thin to be seen: ``'0.042 %'``."""
    return f'{100 * share:.1f} %' if share >= 0.01 or share == 0 else f'{100 * share:.2g} %'
