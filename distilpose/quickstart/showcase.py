"""What the report shows: which validation people, and heatmaps of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.model import BaseModel

from distilpose.distillation.terms import draw_simulated_heatmaps
from distilpose.evaluation import People, enlarged_crop
from distilpose.report import HeatmapPair

JOINTS = ('left_wrist', 'right_ankle', 'nose', 'left_knee', 'right_wrist', 'left_hip')


def choose_people(people: People, count: int) -> list[int]:
    """People at even distances through the set, among those with at least twelve labelled joints if there are."""
    usable = np.flatnonzero(people.labelled.sum(axis=1) >= 12)
    if len(usable) < count:
        usable = np.flatnonzero(people.labelled.any(axis=1))
    places = (np.arange(count) + 0.5) * len(usable) / count
    return list(dict.fromkeys(int(usable[int(place)]) for place in places)) if len(usable) else []


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


@torch.inference_mode()
def _outputs(model: BaseModel, sample: dict[str, Any]) -> Any:
    batch = model.data_preprocessor(pseudo_collate([sample]), False)
    return model.head(model.extract_feat(batch['inputs']))
