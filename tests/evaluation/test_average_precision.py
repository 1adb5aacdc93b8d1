"""Average precision from stored matches, against pycocotools on the same and on literally repeated images."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from distilpose.evaluation import average_precision, match_detections, only_keypoint

from .crowds import SIGMAS, answer, drawn, make_crowd


def by_pycocotools(truth: dict[str, Any], detections: list[dict[str, Any]]) -> np.ndarray:
    """AP at all thresholds together, at 0.5 and at 0.75."""
    coco = COCO()
    coco.dataset = copy.deepcopy(truth)
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(copy.deepcopy(detections)), 'keypoints')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[:3]


def ours(truth: dict[str, Any], detections: list[dict[str, Any]], counts: np.ndarray | None = None) -> np.ndarray:
    values = average_precision(match_detections(truth, detections, sigmas=SIGMAS), counts)
    return np.array([values.mean(), values[0], values[5]])


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('ties', [False, True])
def test_every_image_once_equals_pycocotools(seed: int, ties: bool) -> None:
    truth = make_crowd(seed=seed)
    detections = answer(truth, error=20, seed=seed, ties=ties)
    expected = by_pycocotools(truth, detections)
    assert 0 < expected[0] < 1
    assert ours(truth, detections) == pytest.approx(expected, abs=1e-12)
    assert ours(truth, detections, np.ones(12, int)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('seed', range(6))
def test_images_drawn_several_times_equal_copies_of_them(seed: int) -> None:
    truth = make_crowd(seed=seed)
    detections = answer(truth, error=20, seed=seed)
    counts = np.random.default_rng(seed).multinomial(12, [1 / 12] * 12)
    assert counts.max() > 1 and counts.min() == 0
    expected = by_pycocotools(*drawn(truth, detections, counts))
    assert ours(truth, detections, counts) == pytest.approx(expected, abs=1e-12)


def test_detections_of_nobody_lower_the_precision() -> None:
    truth = make_crowd()
    detections = answer(truth, error=1)
    assert ours(truth, detections)[0] == pytest.approx(1)
    empty = next(image['id'] for image in truth['images']
                 if image['id'] not in {entry['image_id'] for entry in truth['annotations']})
    wrong = dict(detections[0], image_id=empty, score=2.0)
    assert ours(truth, [*detections, wrong]) == pytest.approx(by_pycocotools(truth, [*detections, wrong]), abs=1e-12)
    assert ours(truth, [*detections, wrong])[0] < 0.999


def test_without_people_there_is_no_precision() -> None:
    truth = make_crowd()
    matches = match_detections(truth, answer(truth, error=5), sigmas=SIGMAS)
    assert np.isnan(average_precision(matches, np.where(matches.people > 0, 0, 1))).all()


def test_one_keypoint_is_all_that_counts() -> None:
    truth = make_crowd()
    detections = answer(truth, error=0)
    for entry in detections:  # all joints but one are wrong, and within reach of the box
        points = np.array(entry['keypoints']).reshape(-1, 3)
        points[np.arange(17) != 7, :2] += 70
        entry['keypoints'] = points.ravel().tolist()
    assert ours(only_keypoint(truth, 7), detections)[0] == pytest.approx(1)
    assert ours(only_keypoint(truth, 8), detections)[0] < 0.05
    counted = match_detections(only_keypoint(truth, 7), detections, sigmas=SIGMAS).people.sum()
    assert counted == sum(entry['keypoints'][7 * 3 + 2] > 0 for entry in truth['annotations'])
    assert truth == make_crowd()  # the annotations themselves are left as they were
