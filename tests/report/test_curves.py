"""Charts: what is drawn, and that odd values do not break them."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from distilpose.report import Curve, draw_curves
from distilpose.report.curves import running_mean


def paths(svg: str, kind: str = 'line') -> list[str]:
    return [match[1] for match in re.finditer(rf'<path class="{kind} [a-z]+" d="([^"]*)"', svg)]


def places(path: str) -> np.ndarray:
    return np.array([[float(number) for number in piece.split()] for piece in re.split('[ML]', path)[1:]])


def test_a_falling_loss_falls_on_the_chart_and_spans_it() -> None:
    svg = draw_curves([Curve('teacher', 'loss', [8.0, 4.0, 2.0, 1.0])], label='loss')
    x, y = places(paths(svg)[0]).T
    assert np.all(np.diff(x) > 0) and np.all(np.diff(y) > 0)  # y grows downwards
    assert np.ptp(np.diff(y)) < 0.2  # equal ratios are equal distances


def test_curves_share_their_axes() -> None:
    both = [Curve('baseline', 'a', [4.0, 2.0]), Curve('distilled', 'b', [4.0, 1.0])]
    first, second = (places(path) for path in paths(draw_curves(both, label='loss')))
    assert first[0] == pytest.approx(second[0])
    assert second[1, 1] > first[1, 1]


@pytest.mark.parametrize('values', [[], [math.nan], [0.0, -1.0], [math.inf]])
def test_nothing_to_draw_is_said(values: list[float]) -> None:
    text = draw_curves([Curve('teacher', 'loss', values)], label='loss')
    assert '<svg' not in text and 'No loss was recorded' in text


@pytest.mark.parametrize('values', [[1.0], [1.0, 1.0, 1.0], [1.0, math.nan, 3.0], [1e-9, 1e9], [0.0, 2.0, 1.0]])
def test_odd_values_give_a_valid_drawing(values: list[float]) -> None:
    text = draw_curves([Curve('teacher', 'a <b> & c', values)], label='loss')
    ElementTree.fromstring(text)
    assert 'nan' not in text.lower() and 'inf' not in text.lower()


def test_a_gap_interrupts_the_raw_line() -> None:
    values = np.linspace(2, 1, 200)
    values[100:110] = np.nan
    assert paths(draw_curves([Curve('teacher', 'loss', values)], label='loss'), 'raw')[0].count('M') == 2


def test_long_curves_are_thinned() -> None:
    svg = draw_curves([Curve('teacher', 'loss', np.linspace(2, 1, 20000))], label='loss')
    assert len(places(paths(svg)[0])) <= 500


def test_running_mean_ignores_what_is_not_finite() -> None:
    assert running_mean([1, 3, 5, 7], 2) == pytest.approx([1, 2, 4, 6])
    assert running_mean([1, math.nan, 5], 2) == pytest.approx([1, 1, 5])
    assert np.isnan(running_mean([math.nan], 3)).all()
