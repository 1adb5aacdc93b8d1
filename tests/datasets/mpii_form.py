"""Made-up people in MPII's form, counted from 1 as the real files are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS
from scipy.io import savemat


def make_people(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Entries of an annotation file; nine of ten joints are labelled, the others lie at (-1, -1)."""
    random = np.random.default_rng(seed)
    people = []
    for index in range(count):
        visible = random.random(16) < 0.9
        joints = np.where(visible[:, None], random.uniform(50, 350, (16, 2)).round(1), -1)
        people.append(dict(image=f'{index // 2:09}.jpg', center=random.uniform(150, 250, 2).round(1).tolist(),
                           scale=round(float(random.uniform(1, 2)), 3), joints=joints.tolist(),
                           joints_vis=visible.astype(int).tolist()))
    return people


def make_head_boxes(count: int, *, seed: int = 1) -> np.ndarray:
    """(N, 4) left, top, right, bottom."""
    random = np.random.default_rng(seed)
    corner = random.uniform(60, 200, (count, 2))
    return np.concatenate([corner, corner + random.uniform(20, 60, (count, 2))], axis=1).round(2)


def write_people(folder: Path, people: list[dict[str, Any]], *, boxes: np.ndarray | None = None,
                 joints: bool = True) -> Path:
    """Writes ``people.json``, and with boxes ``truth.mat`` with or without joints; returns the folder."""
    (folder / 'people.json').write_text(json.dumps(people))
    if boxes is not None:
        content = dict(headboxes_src=boxes.reshape(-1, 2, 2).transpose(1, 2, 0))
        if joints:
            content['pos_gt_src'] = np.array([person['joints'] for person in people]).transpose(1, 2, 0)
            content['jnt_missing'] = 1 - np.array([person['joints_vis'] for person in people]).T
        savemat(folder / 'truth.mat', content)
    return folder


def read_dataset(folder: Path, **options: Any) -> Any:
    """The data set of :func:`write_people`'s files, unless options name others."""
    named = dict(data_root=str(folder), ann_file='people.json', data_prefix=dict(img='images'))
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(dict(type='ZeroBasedMpiiDataset', **{**named, **options}))
