"""The reach of an augmentation contains every crop that it draws, and is not much larger than the widest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import TRANSFORMS

from distilpose.crop_store.reach import People, Reach, half_boxes
from distilpose.datasets.transforms import DecodingTopdownAffine
from distilpose.errors import DistilPoseError

from . import people

IDS = dict(upper_body_ids=list(range(11)), lower_body_ids=list(range(11, 17)))


@pytest.mark.parametrize('augmentation', [people.PUBLISHED, people.MMPOSE, people.MMPOSE[:1], people.MMPOSE[2:]],
                         ids=['published', 'mmpose', 'flip', 'transform'])
def test_it_contains_every_crop(augmentation: Any) -> None:
    """Of a person on an image that is not flipped."""
    init_default_scope('mmpose')
    steps = [TRANSFORMS.build(step) for step in people.pipeline(augmentation)]
    boxes = [step for step in steps[1:] if type(step).__name__.startswith(('Get', 'Random'))
             and type(step).__name__ != 'RandomFlip']
    draw = np.random.default_rng(1)
    keypoints, visible = draw.uniform([100, 100], [160, 300], (1, 17, 2)), np.ones((1, 17))
    bbox = np.array([[100.0, 100, 160, 300]], np.float32)
    reach = Reach(steps)
    one = People(np.array([[130.0, 200]]), np.array([[60.0, 200]]),
                 np.stack([half_boxes(keypoints, visible, ids) for ids in IDS.values()]))
    corners = reach.corners(one)[0]
    np.random.seed(0)
    found = []
    for _ in range(500):
        results: Any = dict(IDS, bbox=bbox, keypoints=keypoints, keypoints_visible=visible)
        for step in boxes:
            results = step(results)
        found.append(DecodingTopdownAffine.region(results, (48, 64)))
    low, high = np.min(found, axis=0)[:2], np.max(found, axis=0)[2:]
    assert (low >= corners[:2]).all() and (high <= corners[2:]).all()
    assert ((high - low) > 0.5 * (corners[2:] - corners[:2])).all()
    density = reach.density(one)
    assert density == pytest.approx(200 * 1.25 / 64)


def test_halves_without_visible_keypoints_are_not_used() -> None:
    boxes = half_boxes(np.ones((2, 17, 2)), np.stack([np.zeros(17), np.ones(17)]), [0, 1])
    assert np.isnan(boxes[0]).all() and boxes[1].tolist() == [1, 1, 0, 0]


def test_a_pipeline_without_a_crop_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='needs a pipeline with a top-down crop .* has no steps'):
        Reach([])
