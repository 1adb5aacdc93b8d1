"""Made-up answers of a model to made-up people with MPII's joints."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from distilpose.datasets import ZeroBasedMpiiDataset


def mpii_meta() -> dict[str, Any]:
    """What the data set says of its joints."""
    return ZeroBasedMpiiDataset(lazy_init=True).metainfo


def sample(predicted: np.ndarray, truth: np.ndarray, *, visible: np.ndarray, head_size: float) -> PoseDataSample:
    """One person: predicted and true joints (16, 2), visibility (16,)."""
    found = InstanceData(keypoints=predicted[None].astype(np.float32), keypoint_scores=np.ones((1, 16)))
    annotated = InstanceData(keypoints=truth[None].astype(np.float32), keypoints_visible=visible[None],
                             head_size=np.full((1, 1), head_size))
    return PoseDataSample(pred_instances=found, gt_instances=annotated)


def answers(count: int, *, error: float = 4.0, seed: int = 0) -> list[PoseDataSample]:
    """People of whom two in three joints are labelled, and predictions that are wrong by about ``error`` pixels."""
    random = np.random.default_rng(seed)
    samples = []
    for _ in range(count):
        truth = random.uniform(0, 300, (16, 2)).round()
        predicted = truth + random.normal(0, error, (16, 2))
        samples.append(sample(predicted, truth, visible=(random.random(16) < 0.66).astype(np.float32),
                              head_size=0.6 * random.uniform(10, 90)))
    return samples
