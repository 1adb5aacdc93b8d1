"""What a comparison says of figures that are none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from distilpose.compare.measure import FIGURES
from distilpose.compare.statistics import Estimate, gain
from distilpose.compare.summary import _range, _undefined_figures


def models(**figures: float) -> Any:
    found = dict.fromkeys(FIGURES, 0.5) | figures
    return SimpleNamespace(evaluation=SimpleNamespace(figures=found))


def test_figures_that_are_none_are_named_and_others_not() -> None:
    plans = [SimpleNamespace(role='baseline', title='student alone'), SimpleNamespace(role='teacher', title='teacher')]
    comparison: Any = SimpleNamespace(plans=plans, measured={
        0: dict(baseline=models(), teacher=models(ap=-1.0, pck=float('nan'))), 1: dict(baseline=models())})
    [note] = _undefined_figures(comparison)
    assert note.startswith('AP, PCK of teacher (seed 0) cannot be computed') and 'no gain is taken from it' in note


@pytest.mark.parametrize('value', [float('nan'), -1.0])
def test_no_range_is_taken_over_what_is_no_figure(value: float) -> None:
    assert None in _range([0.4, value]).values()
    assert _range([0.4, 0.6]) == dict(mean=0.5, low=0.4, high=0.6)


def test_no_gain_is_taken_from_nan() -> None:
    one, other = (Estimate(value, np.full(3, value)) for value in (0.4, float('nan')))
    assert gain(one, other).value is None and gain(one, other).low is None
