"""Stacked shares: they fill the drawing, and nothing is drawn of nothing."""

from __future__ import annotations

import re

import pytest

from distilpose.report import Layer, draw_areas
from distilpose.report.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH

LAYERS = [Layer('hue-0', 'kpt <1>', [0.75, 0.5, 0.25]), Layer('hue-1', 'score', [0.25, 0.5, 0.75])]


def outline(drawing: str, role: str) -> list[tuple[float, float]]:
    commands = re.search(rf'class="area {role}" d="M([^"]*)Z"', drawing)[1]
    return [tuple(map(float, point.split())) for point in commands.split('L')]


def test_shares_fill_the_drawing() -> None:
    drawing = draw_areas(LAYERS, steps=[1, 51, 101], label='shares')
    bottom, top = HEIGHT - BOTTOM, TOP
    low, high = outline(drawing, 'hue-0'), outline(drawing, 'hue-1')
    assert low[0] == (LEFT, pytest.approx(bottom - 0.75 * (bottom - top), abs=0.1))
    assert low[-3:] == [(WIDTH - RIGHT, bottom), ((LEFT + WIDTH - RIGHT) / 2, bottom), (LEFT, bottom)]
    assert [y for _, y in high[:3]] == [top] * 3 and high[3:] == low[:3][::-1]


def test_names_and_means_are_in_the_legend() -> None:
    drawing = draw_areas(LAYERS, steps=[1, 51, 101], label='shares')
    assert 'kpt &lt;1&gt; <b>50.0 %' in drawing and 'score <b>50.0 %' in drawing


def test_thin_layers_are_told_in_the_legend() -> None:
    thin = [Layer('hue-0', 'thin', [0.0004, 0.0005]), Layer('hue-1', 'rest', [0.9996, 0.9995])]
    assert 'thin <b>0.045 %' in draw_areas(thin, steps=[1, 2], label='shares')


@pytest.mark.parametrize('layers, steps', [([], []), (LAYERS, [1])])
def test_nothing_to_draw_is_said(layers: list[Layer], steps: list[int]) -> None:
    assert 'There is no shares' in draw_areas(layers, steps=steps, label='shares')
