"""Validation people and the predictions of a model for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS


@dataclass(frozen=True)
class People:
    """Ground truth of the validation people, in the order of the data set."""

    keypoints: np.ndarray
    """(N, K, 2) in image pixels."""
    labelled: np.ndarray
    """(N, K)"""
    boxes: np.ndarray
    """(N, 4) x, y, width, height."""
    areas: np.ndarray
    """(N,)"""
    images: np.ndarray
    """(N,) number of the image that each of them is in."""


@dataclass(frozen=True)
class Evaluation:
    """Predictions of one model for all validation people, and their metrics."""

    predictions: np.ndarray
    """(N, K, 2) in image pixels."""
    oks: np.ndarray
    """(N,)"""
    figures: dict[str, float]
    """``ap``, ``ap50``, ``ap75``, ``mean_oks`` and ``pck``; NaN where there is nothing to evaluate."""
    detections: list[dict[str, Any]]
    """COCO's results, after scoring and suppression, from which the average precision is computed."""
    truth: dict[str, Any]
    """COCO's annotations that they were compared with."""


def build_validation(cfg: Config) -> BaseDataset:
    """The data set of the config's ``val_dataloader``."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(cfg.val_dataloader.dataset)


def read_people(dataset: BaseDataset) -> People:
    """Collects the annotations of a COCO data set that crops people by their annotated boxes."""
    raw = [dataset.get_data_info(index)['raw_ann_info'] for index in range(len(dataset))]
    keypoints = np.array([entry['keypoints'] for entry in raw], dtype=float).reshape(len(raw), -1, 3)
    return People(keypoints[..., :2], keypoints[..., 2] > 0, np.array([entry['bbox'] for entry in raw], dtype=float),
                  np.array([entry['area'] for entry in raw], dtype=float),
                  np.array([entry['image_id'] for entry in raw], dtype=np.int64))
