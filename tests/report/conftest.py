"""A small report with made-up figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from distilpose.report import Curve, HeatmapPair, ModelFigures, PersonPanel, Report

NAMES = ('nose', 'left_hip', 'right_hip')
LINKS = ((0, 1), (1, 2))


def figures(role: str, ap: float, **changes: Any) -> ModelFigures:
    values = dict(role=role, title=f'the {role}', ap=ap, ap50=0.9123, ap75=0.5, mean_oks=0.6543, pck=0.75,
                  parameters=485077.0, macs=41.9e6, images_per_second=312.4)
    return ModelFigures(**{**values, **changes})


@pytest.fixture
def make_figures() -> Callable[..., ModelFigures]:
    return figures


@pytest.fixture
def report() -> Report:
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (96, 72, 3), dtype=np.uint8)
    points = np.array([[10.0, 10.0], [40.0, 50.0], [60.0, 90.0]])
    panel = PersonPanel(image=image, labelled=np.array([True, True, False]), truth=points,
                        predictions=dict.fromkeys(('teacher', 'baseline', 'distilled'), points + 3),
                        oks=dict(teacher=0.91, baseline=float('nan'), distilled=0.72))
    pair = HeatmapPair(image=image, joint='left hip', teacher=random.random((24, 18)), student=random.random((24, 18)))
    return Report(
        teacher=figures('teacher', 0.7), baseline=figures('baseline', 0.4), distilled=figures('distilled', 0.55),
        budget='Both <the same>.', student_curves=[Curve('baseline', 'alone', [3.0, 2.0, 1.0])],
        teacher_curves=[], panels=[panel, panel], heatmaps=[pair], links=LINKS, joint_names=NAMES,
        facts=dict(command='./tools/quickstart.sh --seed "1"', seed='1'), durations=dict(data=65.0, teacher=100.0))
