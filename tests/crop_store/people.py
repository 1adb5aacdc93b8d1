"""Twelve people on five JPEG images, some of them at the border, and pipelines that crop them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from distilpose.engine.hooks.crop_store import OpenedStore, open_crop_stores

SIZE = 160, 120
CODEC = dict(type='RegressionLabel', input_size=(48, 64))
PUBLISHED = (
    dict(type='RandomBBoxCenterShift'), dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody', min_total_keypoints=8, prob=0.6), dict(type='RandomScaleRotation'))
MMPOSE = (
    dict(type='RandomFlip', prob=[0.3, 0.3, 0.3], direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='RandomHalfBody', prob=0.6), dict(type='RandomBBoxTransform', scale_prob=0.9))


def write(folder: Path) -> Path:
    """Images and annotations in COCO's layout."""
    draw = np.random.default_rng(0)
    (folder / 'images').mkdir(parents=True)
    (folder / 'annotations').mkdir()
    images = [dict(id=number, file_name=f'{number}.jpg', width=SIZE[0], height=SIZE[1]) for number in range(1, 6)]
    for image in images:
        pixels = cv2.resize(draw.integers(0, 255, (12, 16, 3), np.uint8), SIZE)
        cv2.imwrite(str(folder / 'images' / image['file_name']), pixels)
    annotations = []
    for number in range(1, 13):
        corner, sides = draw.uniform(0, 90, 2), draw.uniform(12, 50, 2)
        joints = corner + draw.random((17, 2)) * sides
        visible = draw.integers(0, 3, 17)
        annotations.append(dict(
            id=number, image_id=1 + number * 7 % 5, category_id=1, bbox=[*corner.tolist(), *sides.tolist()],
            area=float(sides.prod()), iscrowd=0, num_keypoints=int((visible > 0).sum()) or 1,
            keypoints=np.column_stack([joints, visible]).round(1).ravel().tolist()))
    (folder / 'annotations' / 'people.json').write_text(json.dumps(dict(
        images=images, annotations=annotations, categories=[dict(id=1, name='person')])))
    return folder


def pipeline(augmentation: Sequence[dict[str, Any]] = PUBLISHED, **crop: Any) -> list[dict[str, Any]]:
    """Steps with lazy decoding; keywords are options of the crop."""
    return [dict(type='LoadEncodedImage'), dict(type='GetBBoxCenterScale'), *augmentation,
            dict(type='DecodingTopdownAffine', input_size=(48, 64), **crop),
            dict(type='GenerateTarget', encoder=CODEC), dict(type='PackTrainingInputs')]


def dataset(folder: Path, steps: Sequence[dict[str, Any]] | None = None, **options: Any) -> Any:
    """A data set of these people."""
    init_default_scope('mmpose')
    return DATASETS.build(dict(dict(
        type='QuickCocoDataset', data_root=f'{folder}/', ann_file='annotations/people.json',
        data_prefix=dict(img='images/'), pipeline=pipeline() if steps is None else steps), **options))


def with_store(data: Any, folder: Path, **options: Any) -> OpenedStore:
    """Lets a data set read a store."""
    return open_crop_stores(data, folder, log=lambda line: None, **options)[0]


def sample(data: Any, index: int, *, seed: int = 0) -> Any:
    """A sample with fixed augmentation."""
    np.random.seed(1000 * seed + index)
    return data[index]


def pixels(data: Any, *, seeds: int = 3) -> np.ndarray:
    """All crops."""
    return np.stack([sample(data, index, seed=seed)['inputs'].numpy() for seed in range(seeds)
                     for index in range(len(data))])


def refuse_files(monkeypatch: Any) -> None:
    """From now on a crop beyond the store is an error."""
    def beyond(*_: Any) -> None:
        raise AssertionError('the store does not have these pixels')

    monkeypatch.setattr('distilpose.crop_store.store._decode', beyond)


