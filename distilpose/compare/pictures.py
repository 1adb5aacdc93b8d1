"""Pictures for the page: validation people with the skeletons of all models, and heatmaps of teacher and student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.model import BaseModel
from mmpose.structures.bbox import get_warp_matrix

from distilpose.distillation.terms import draw_simulated_heatmaps
from distilpose.evaluation import Evaluation, People
from distilpose.report import HeatmapPair, PersonPanel

HEIGHT = 384  # of a crop on a page, in pixels; or the next multiple of what the network is given
JOINTS = ('left_wrist', 'right_ankle', 'nose', 'left_knee', 'right_wrist', 'left_hip')


@dataclass(frozen=True)
class Pictures:
    """Validation people and what is needed to draw them."""

    panels: Sequence[PersonPanel]
    links: Sequence[tuple[int, int]]
    """Pairs of keypoints that a skeleton connects."""
    joint_names: Sequence[str]
    heatmaps: Sequence[HeatmapPair] = ()


def choose_worst(oks: np.ndarray, people: People, count: int) -> list[int]:
    """People with the lowest similarity, the worst first, among those with half of their joints labelled if enough.

    Args:
        oks: (N,) NaN where nothing is labelled.
        people: ground truth.
        count: how many at most.
    """
    is_known = np.isfinite(oks)
    is_usable = is_known & (people.labelled.mean(axis=1) >= 0.5)
    usable = np.flatnonzero(is_usable if is_usable.sum() >= count else is_known)
    return usable[np.argsort(oks[usable], kind='stable')][:count].tolist()


def choose_evenly(people: People, count: int) -> list[int]:
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
        evaluations: role -> predictions of the model.
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
    """The crop of a network, enlarged to at least :data:`HEIGHT`, and the (2, 3) matrix from the image to it."""
    times = -(-HEIGHT // int(metainfo['input_size'][1]))
    size = tuple(times * int(side) for side in metainfo['input_size'])
    matrix = get_warp_matrix(np.ravel(metainfo['input_center']), np.ravel(metainfo['input_scale']), 0, output_size=size)
    return cv2.warpAffine(cv2.imread(metainfo['img_path']), matrix, size, flags=cv2.INTER_LINEAR), matrix


def _move(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def heatmap_pairs(chosen: Sequence[int], dataset: BaseDataset, *, people: People, teacher: BaseModel,
                  student: BaseModel) -> list[HeatmapPair]:
    """The teacher's heatmap of a joint of each chosen person, and the one that the student simulates."""
    names = [dataset.metainfo['keypoint_id2name'][index] for index in range(people.keypoints.shape[1])]
    pairs = []
    for number, index in enumerate(chosen):
        preferred = [*JOINTS[number % len(JOINTS):], *JOINTS[:number % len(JOINTS)]]
        joint = next((names.index(name) for name in preferred if people.labelled[index, names.index(name)]), 0)
        sample = dataset[index]
        heatmaps = _outputs(teacher, sample).heatmaps[-1]
        outputs = _outputs(student, sample)
        simulated = draw_simulated_heatmaps(outputs.coords, outputs.sigmas,
                                            size=(heatmaps.shape[-1], heatmaps.shape[-2]))
        pairs.append(HeatmapPair(enlarged_crop(sample['data_samples'].metainfo)[0], names[joint].replace('_', ' '),
                                 heatmaps[0, joint].numpy(), simulated[0, joint].numpy()))
    return pairs


@torch.inference_mode()
def _outputs(model: BaseModel, sample: dict[str, Any]) -> Any:
    batch = model.data_preprocessor(pseudo_collate([sample]), False)
    return model.head(model.extract_feat(batch['inputs']))
