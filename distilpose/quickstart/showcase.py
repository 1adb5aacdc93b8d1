"""The pictures of the report: a few validation people with every model's skeleton, and heatmaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.model import BaseModel
from mmpose.structures.bbox import get_warp_matrix

from distilpose.distillation.terms import draw_simulated_heatmaps
from distilpose.report import HeatmapPair, PersonPanel

from .evaluation import Evaluation, People

ENLARGED = 4  # crops are shown at four times the size that the networks see
JOINTS = ('left_wrist', 'right_ankle', 'nose', 'left_knee', 'right_wrist', 'left_hip')


def choose_people(people: People, count: int) -> list[int]:
    """People at even distances through the set, among those with at least twelve labelled joints if there are."""
    usable = np.flatnonzero(people.labelled.sum(axis=1) >= 12)
    if len(usable) < count:
        usable = np.flatnonzero(people.labelled.any(axis=1))
    places = (np.arange(count) + 0.5) * len(usable) / count
    return list(dict.fromkeys(int(usable[int(place)]) for place in places)) if len(usable) else []


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


def heatmap_pairs(chosen: Sequence[int], dataset: BaseDataset, *, people: People, teacher: BaseModel,
                  student: BaseModel) -> list[HeatmapPair]:
    """The teacher's heatmap of a joint of each chosen person, and the one that the student simulates."""
    names = [dataset.metainfo['keypoint_id2name'][index] for index in range(people.keypoints.shape[1])]
    pairs = []
    for number, index in enumerate(chosen):
        wanted = [*JOINTS[number % len(JOINTS):], *JOINTS[:number % len(JOINTS)]]
        joint = next((names.index(name) for name in wanted if people.labelled[index, names.index(name)]), 0)
        sample = dataset[index]
        heatmaps = _outputs(teacher, sample).heatmaps[-1]
        outputs = _outputs(student, sample)
        simulated = draw_simulated_heatmaps(outputs.coords, outputs.sigmas,
                                            size=(heatmaps.shape[-1], heatmaps.shape[-2]))
        pairs.append(HeatmapPair(enlarged_crop(sample['data_samples'].metainfo)[0], names[joint].replace('_', ' '),
                                 heatmaps[0, joint].numpy(), simulated[0, joint].numpy()))
    return pairs


def enlarged_crop(metainfo: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """What a network sees of an image, :data:`ENLARGED` times as large, and the (2, 3) matrix that leads there."""
    size = tuple(ENLARGED * int(side) for side in metainfo['input_size'])
    matrix = get_warp_matrix(np.ravel(metainfo['input_center']), np.ravel(metainfo['input_scale']), 0, output_size=size)
    return cv2.warpAffine(cv2.imread(metainfo['img_path']), matrix, size, flags=cv2.INTER_LINEAR), matrix


def _move(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


@torch.inference_mode()
def _outputs(model: BaseModel, sample: dict[str, Any]) -> Any:
    batch = model.data_preprocessor(pseudo_collate([sample]), False)
    return model.head(model.extract_feat(batch['inputs']))
