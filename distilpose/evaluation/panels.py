"""Validation people as pictures, with the skeletons that models see in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.dataset import BaseDataset
from mmpose.structures.bbox import get_warp_matrix

from distilpose.report import PersonPanel

from .evaluate import Evaluation
from .people import People

HEIGHT = 384  # of a crop on a page, in pixels; or the next multiple of what the network sees


def person_panels(chosen: Sequence[int], dataset: BaseDataset, *, people: People,
                  evaluations: Mapping[str, Evaluation]) -> list[PersonPanel]:
    """Every model's skeleton of the chosen people.

    Args:
        chosen: indices into the data set.
        dataset: validation data.
        people: its ground truth.
        evaluations: role -> what the model answered.
    """
    panels = []
    for index in chosen:
        crop, matrix = enlarged_crop(dataset[index]['data_samples'].metainfo)
        panels.append(PersonPanel(
            image=crop, labelled=people.labelled[index], truth=_move(people.keypoints[index], matrix),
            predictions={role: _move(found.predictions[index], matrix) for role, found in evaluations.items()},
            oks={role: float(found.oks[index]) for role, found in evaluations.items()}))
    return panels


def enlarged_crop(metainfo: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """What a network sees of an image, enlarged to at least :data:`HEIGHT`, and the (2, 3) matrix that leads there."""
    times = -(-HEIGHT // int(metainfo['input_size'][1]))
    size = tuple(times * int(side) for side in metainfo['input_size'])
    matrix = get_warp_matrix(np.ravel(metainfo['input_center']), np.ravel(metainfo['input_scale']), 0, output_size=size)
    return cv2.warpAffine(cv2.imread(metainfo['img_path']), matrix, size, flags=cv2.INTER_LINEAR), matrix


def _move(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]
