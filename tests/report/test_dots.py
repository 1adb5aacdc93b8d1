"""Dots and intervals lie where their figures are."""

from __future__ import annotations

import re

import pytest

from distilpose.report import draw_dots, draw_interval
from distilpose.report.dots import LEFT, RIGHT, WIDTH

TITLES = dict(baseline='alone', teacher='the <teacher>')


def centres(drawing: str, role: str) -> list[float]:
    return [float(x) for x in re.findall(rf'<circle class="{role}" cx="([\d.]+)"', drawing)]


def test_dots_lie_between_zero_and_the_next_ten() -> None:
    drawing = draw_dots(dict(nose=dict(baseline=0.0, teacher=0.32), hip=dict(baseline=0.2, teacher=None)),
                        titles=TITLES, label='AP')
    width = WIDTH - LEFT - RIGHT
    assert centres(drawing, 'baseline') == [LEFT, pytest.approx(LEFT + width / 2)]
    assert centres(drawing, 'teacher') == [pytest.approx(LEFT + 0.8 * width)]
    assert 'the &lt;teacher&gt;' in drawing and '<title>nose, the &lt;teacher&gt;: 32.0</title>' in drawing


def test_rows_without_any_figure_are_named() -> None:
    drawing = draw_dots(dict(nose=dict(baseline=None, teacher=None)), titles=TITLES, label='AP')
    assert '>nose<' in drawing and not centres(drawing, 'baseline') and 'class="span"' not in drawing


def test_an_interval_is_drawn_to_scale() -> None:
    drawing = draw_interval(0.5, 0.0, 1.0, role='distilled', ends=('alone', 'teacher'))
    ends = [float(x) for x in re.findall(r'class="end" x1="([\d.]+)"', drawing)]
    found = re.search(r'class="range" x1="([\d.]+)" x2="([\d.]+)"', drawing)
    assert [float(found[1]), float(found[2])] == ends
    assert float(re.search(r'<circle cx="([\d.]+)"', drawing)[1]) == pytest.approx(sum(ends) / 2, abs=0.1)


def test_what_is_far_off_ends_with_the_line_and_what_is_undefined_is_not_drawn() -> None:
    assert '<circle cx="290.0"' in draw_interval(7.0, None, None, role='distilled', ends=('', ''))
    assert draw_interval(None, None, None, role='distilled', ends=('', '')) == ''
