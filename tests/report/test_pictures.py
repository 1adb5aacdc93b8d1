"""Heatmaps lie where they belong, and skeletons draw only what is known."""

from __future__ import annotations

import numpy as np
import pytest

from distilpose.report.pictures import blend_heatmap, side_of, skeleton_svg


def test_a_peak_lands_at_its_stride() -> None:
    heatmap = np.zeros((24, 18), np.float32)
    heatmap[10, 5] = 1
    blended = blend_heatmap(np.zeros((288, 216, 3), np.uint8), heatmap).astype(int).sum(axis=2)
    row, column = np.unravel_index(blended.argmax(), blended.shape)
    assert (row, column) == (pytest.approx(10 * 12, abs=1), pytest.approx(5 * 12, abs=1))


def test_values_that_are_not_finite_or_too_large_are_harmless() -> None:
    heatmap = np.array([[np.nan, np.inf], [-5.0, 9.0]], np.float32)
    blended = blend_heatmap(np.full((20, 20, 3), 128, np.uint8), heatmap)
    assert blended.shape == (20, 20, 3) and blended.dtype == np.uint8


def test_links_need_both_joints() -> None:
    points = np.array([[0.0, 0], [1, 1], [np.nan, 2]])
    svg = skeleton_svg(points, labelled=np.array([True, True, True]), links=[(0, 1), (1, 2)],
                       names=['left_a', 'left_b', 'right_c'], thickness=1)
    assert svg.count('<line') == 1 and svg.count('<circle') == 2 and 'class="left"' in svg


def test_sides() -> None:
    assert [side_of(name) for name in ('left_eye', 'right_hip', 'nose')] == ['left', 'right', 'middle']
