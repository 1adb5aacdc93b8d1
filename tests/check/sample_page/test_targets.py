"""Pictures of targets lie where the keypoints are."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from mmpose.registry import KEYPOINT_CODECS

from distilpose.check.sample_page.findings import flip_findings, order_findings
from distilpose.check.sample_page.targets import (
    Crop,
    Keypoints,
    Quality,
    keypoints_svg,
    own_crop_figure,
    target_figures,
)

WIDTH, HEIGHT = 48, 64
KEYPOINTS = Keypoints(['nose', 'left_eye', 'RightEye'], [(0, 1), (0, 2)])
POINTS = np.array([[[24.0, 10.0], [36.0, 32.0], [9.0, 50.0]]], np.float32)


def figures(codec: dict[str, Any], visible: tuple[float, ...] = (1, 1, 1)) -> list[str]:
    encoder = KEYPOINT_CODECS.build(dict(codec, input_size=(WIDTH, HEIGHT)))
    targets = encoder.encode(POINTS, np.array([visible], np.float32))
    crop = Crop('a', np.zeros((HEIGHT, WIDTH, 3), np.uint8), Quality())
    return target_figures(crop, targets, KEYPOINTS, split_ratio=codec.get('simdr_split_ratio', 1))


def peaks(figure: str, side: str) -> tuple[float, float]:
    """x of the highest point of the curve below the crop, y of that at its right."""
    below, beside = (np.array([[float(value) for value in pair.split(',')] for pair in text.split()])
                     for text in re.findall(rf'<polyline class="{side}" points="([^"]+)"', figure))
    return below[below[:, 1].argmin(), 0], beside[beside[:, 0].argmin(), 1]


@pytest.mark.parametrize('codec', [
    dict(type='SimCCLabel', sigma=(2.0, 2.0), simcc_split_ratio=2.0),
    dict(type='SimDRGaussianLabel', simdr_split_ratio=2.0, sigma=3.0)])
def test_curves_peak_at_the_keypoint(codec: dict[str, Any]) -> None:
    figure, = figures(codec)
    assert peaks(figure, 'left') == pytest.approx((36, 32), abs=1)
    assert peaks(figure, 'right') == pytest.approx((9, 50), abs=1)  # however its side is written
    assert peaks(figure, 'middle') == pytest.approx((24, 10), abs=1)


def test_classes_of_simdr_lie_below_and_beside_the_keypoint() -> None:
    figure, = figures(dict(type='SimDRLabel', simdr_split_ratio=3))
    marks = {side: (float(x), float(y)) for side, x, y in
             re.findall(r'<circle class="(\w+)" cx="([\d.]+)" cy="([\d.]+)"', figure)}
    assert marks['left'][1] == pytest.approx(32, abs=0.5) and marks['right'][1] == pytest.approx(50, abs=0.5)
    assert re.findall(r'class="left" cx="([\d.]+)"', figure)[0] == '36.0'


def test_coordinates_are_crosses_at_the_keypoint() -> None:
    figure, = figures(dict(type='RegressionLabel'), visible=(1, 1, 0))
    assert figure.count('<path') == 2 and 'RightEye' not in figure  # without a weight
    x, y = map(float, re.search(r'class="left" d="M([\d.]+),([\d.]+)l', figure).groups())  # the cross's corner
    arm = 1.5 * WIDTH / 72
    assert (x + arm, y + arm) == pytest.approx((36, 32), abs=0.1)


def test_heatmaps_and_offsets() -> None:
    figure, = figures(dict(type='MSRAHeatmap', heatmap_size=(12, 16), sigma=1))
    assert 'heatmaps 12×16' in figure and 'highest value 1' in figure
    assert 'highest value 1' in figures(dict(type='UDPHeatmap', heatmap_size=(12, 16), heatmap_type='combined'))[0]


def test_hidden_and_unlearnt_keypoints_are_marked() -> None:
    svg = keypoints_svg(POINTS[0], np.array([2, 1, 2]), np.array([1.0, 1.0, 0.0]), KEYPOINTS, thickness=1)
    assert svg.count('class="hidden"') == 1 and 'left_eye: hidden, weight 1' in svg
    assert re.search(r'skeleton unlearnt.*?class="right"', svg) and 'RightEye: weight 0' in svg
    assert len(re.findall('<line', svg)) == 1  # none to one that is not learnt
    assert '<text class="left"' in svg and '>eye</text>' in svg


def test_names_are_escaped() -> None:
    odd = Keypoints(['<b>', 'b"', 'c'], [])
    svg = keypoints_svg(POINTS[0], np.array([2, 2, 2]), None, odd, thickness=1)
    assert '<b>' not in svg and '&lt;b&gt;' in svg


def test_keypoints_in_the_teachers_crop() -> None:
    crop = Crop('a', np.zeros((HEIGHT, WIDTH, 3), np.uint8), Quality())
    place = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.25]])  # twice as high as the student's
    figure = own_crop_figure('b', np.zeros((100, 100, 3), np.uint8), place, crop, POINTS[0], np.full(3, 2), KEYPOINTS)
    x, y = re.search(r'cx="([\d.]+)" cy="([\d.]+)" r="[\d.]+"><title>left_eye', figure).groups()
    assert (float(x), float(y)) == pytest.approx((75, 50))  # (0.75, (0.5 - 0.25) / 0.5)
    assert "the student's crop is larger" in figure and 's own crop 100×100' in figure
    shared = own_crop_figure('c', np.zeros((100, 100, 3), np.uint8), place, crop, None, np.full(3, 2), KEYPOINTS,
                             teachers=('body', 'hands'))
    assert 'own crop of body, hands' in shared


def metainfo(names: list[str], flip: list[int]) -> dict[str, Any]:
    return dict(keypoint_id2name=dict(enumerate(names)), flip_indices=flip)


def test_flip_pairs_are_looked_at() -> None:
    names = ['nose', 'left_eye', 'right_eye']
    assert not [*flip_findings(metainfo(names, [0, 2, 1]))]
    one_sided, = (text for text in flip_findings(metainfo(names, [0, 2, 2])) if 'one of them only' in text)
    assert 'a flip turns left_eye into right_eye, and that into right_eye' in one_sided
    assert ['although its name has a side' in text for text in flip_findings(metainfo(names, [0, 1, 2]))] == [True] * 2
    same, = flip_findings(metainfo(['left_a', 'left_b'], [1, 0]))
    assert 'on the same side' in same
    other = metainfo(['nose', 'right_eye', 'left_eye'], [0, 2, 1])
    assert 'another order' in next(order_findings(metainfo(names, [0, 2, 1]), other))
