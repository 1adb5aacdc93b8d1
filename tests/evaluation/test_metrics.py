"""Similarity and correct keypoints, against identities and COCO's own evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from distilpose.evaluation.metrics import (
    is_a_figure,
    keypoint_similarity,
    object_keypoint_similarity,
    share_of_correct_keypoints,
)

SIGMAS = np.array([.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89]) / 10


def test_similarity_equals_pycocotools() -> None:
    random = np.random.default_rng(0)
    truth = random.uniform(0, 200, (5, 17, 2))
    predicted = truth + random.normal(0, 8, truth.shape)
    labelled = random.random((5, 17)) < 0.7
    areas = random.uniform(1e3, 2e4, 5)
    images = [dict(id=index, width=200, height=200) for index in range(5)]
    annotations = [dict(id=index + 1, image_id=index, category_id=1, iscrowd=0, area=areas[index],
                        bbox=[0, 0, 200, 200], num_keypoints=int(labelled[index].sum()),
                        keypoints=np.c_[truth[index], 2 * labelled[index]].ravel().tolist()) for index in range(5)]
    coco = COCO()
    coco.dataset = dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')])
    coco.createIndex()
    found = coco.loadRes([dict(image_id=index, category_id=1, score=1.0,
                               keypoints=np.c_[predicted[index], np.ones(17)].ravel().tolist()) for index in range(5)])
    evaluation = COCOeval(coco, found, 'keypoints')
    evaluation.evaluate()
    expected = [evaluation.ious[index, 1][0, 0] for index in range(5)]
    oks = object_keypoint_similarity(predicted, truth, labelled=labelled, areas=areas, sigmas=SIGMAS)
    assert oks == pytest.approx(expected, rel=1e-9)


def test_truth_is_perfect_and_nothing_labelled_is_unknown() -> None:
    truth = np.random.default_rng(1).uniform(0, 9, (2, 17, 2))
    labelled = np.array([[True] * 17, [False] * 17])
    oks = object_keypoint_similarity(truth, truth, labelled=labelled, areas=np.full(2, 50.0), sigmas=SIGMAS)
    assert oks[0] == 1 and np.isnan(oks[1])
    boxes = np.array([[0.0, 0, 10, 20]] * 2)
    assert share_of_correct_keypoints(truth, truth, labelled=labelled, boxes=boxes) == 1
    assert np.isnan(share_of_correct_keypoints(truth, truth, labelled=labelled & False, boxes=boxes))


def test_correct_is_measured_by_the_longer_side() -> None:
    truth = np.zeros((1, 2, 2))
    predicted = np.array([[[1.9, 0], [2.1, 0]]])
    boxes = np.array([[0, 0, 5, 20.0]])
    assert share_of_correct_keypoints(predicted, truth, labelled=np.ones((1, 2), bool), boxes=boxes) == 0.5


def test_similarity_is_the_mean_over_labelled_joints() -> None:
    random = np.random.default_rng(2)
    truth = random.uniform(0, 200, (3, 17, 2))
    predicted = truth + random.normal(0, 8, truth.shape)
    areas = random.uniform(1e3, 2e4, 3)
    parts = keypoint_similarity(predicted, truth, areas=areas, sigmas=SIGMAS)
    labelled = np.arange(17) < 5
    whole = object_keypoint_similarity(predicted, truth, labelled=np.stack([labelled] * 3), areas=areas, sigmas=SIGMAS)
    assert whole == pytest.approx(parts[:, :5].mean(axis=1))


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_predictions_that_are_not_finite_are_wrong(value: float) -> None:
    truth = np.random.default_rng(1).uniform(0, 9, (2, 17, 2))
    predicted, labelled = truth.copy(), np.full((2, 17), True)
    predicted[0], predicted[1, 0, 1] = value, value
    oks = object_keypoint_similarity(predicted, truth, labelled=labelled, areas=np.full(2, 50.0), sigmas=SIGMAS)
    assert oks == pytest.approx([0, 16 / 17])
    with np.errstate(invalid='ignore'):
        pck = share_of_correct_keypoints(predicted, truth, labelled=labelled, boxes=np.array([[0.0, 0, 10, 20]] * 2))
    assert pck == pytest.approx(16 / 34)


@pytest.mark.parametrize(('value', 'expected'), [
    (0.0, True), (0, True), (np.float32(88.1), True), (torch.tensor(0.5), True), (-2.0, True), (-1, False),
    (np.float64(-1.0), False), (np.nan, False), (torch.tensor(np.inf), False), (None, False), ('0.5', False),
    (True, False), (np.zeros(2), False), (torch.zeros(2), False)])
def test_what_is_a_figure(value: Any, expected: bool) -> None:
    assert is_a_figure(value) is expected
