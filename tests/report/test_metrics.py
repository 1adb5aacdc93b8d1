"""Metrics as text."""

from __future__ import annotations

import math

import pytest

from distilpose.report import gap_closed
from distilpose.report.metrics import in_percent, in_units, in_words


@pytest.mark.parametrize(('baseline', 'distilled', 'teacher', 'expected'), [
    (0.2, 0.2, 0.6, 0.0), (0.2, 0.6, 0.6, 1.0), (0.2, 0.5, 0.6, 0.75), (0.2, 0.1, 0.6, -0.25), (0.2, 0.7, 0.6, 1.25)])
def test_gap_closed_is_the_share_of_the_way(baseline: float, distilled: float, teacher: float, expected: float) -> None:
    assert gap_closed(baseline, distilled, teacher=teacher) == pytest.approx(expected)


@pytest.mark.parametrize(('baseline', 'distilled', 'teacher'), [
    (0.6, 0.7, 0.6), (0.7, 0.7, 0.6), (math.nan, 0.5, 0.6), (0.2, math.nan, 0.6), (0.2, 0.5, math.inf)])
def test_gap_closed_is_undefined_without_a_gap(baseline: float, distilled: float, teacher: float) -> None:
    assert gap_closed(baseline, distilled, teacher=teacher) is None


def test_units_and_words() -> None:
    assert [in_units(value) for value in (12, 1234, 485077, 41.9e6, 2.7e9, math.nan)] == [
        '12', '1.23 k', '485 k', '41.9 M', '2.7 G', '–']
    assert [in_words(value) for value in (0.4, 59.4, 59.6, 125)] == ['0 s', '59 s', '1 min 0 s', '2 min 5 s']
    assert [in_percent(value) for value in (0.45678, math.nan, None)] == ['45.7', '–', '–']
