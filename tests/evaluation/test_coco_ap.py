"""What the whole chain of pipeline, head, decoder and metric makes of right and of random answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, METRICS
from torch import nn

from distilpose.config import build_estimator, load_config
from distilpose.structures import PoseOutputs
from distilpose.synthetic import make_dataset

CONFIG = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/stemnet_coco_256x192.py'
LAYOUTS = dict(
    synthetic=('annotations/person_keypoints_val.json', 'images/val/'),
    coco=('annotations/person_keypoints_val2017.json', 'val2017/'),
    lspet=('annotations/person_keypoints_val.json', 'images/'),
)


@pytest.fixture(scope='module')
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('people') / 'data'
    make_dataset(root, images=12, seed=0)
    return root


def root_of(name: str, request: pytest.FixtureRequest) -> Path:
    if name == 'synthetic':
        return request.getfixturevalue('synthetic')
    return request.getfixturevalue('shared') / 'data' / dict(coco='coco_mini', lspet='lspet')[name]


def average_precision(root: Path, layout: str, answer: Callable[[nn.Module, dict], PoseOutputs]) -> dict[str, float]:
    """COCO figures of a head that answers every batch by ``answer(head, batch)``."""
    annotations, images = LAYOUTS[layout]
    config = load_config(CONFIG)
    options = dict(config.val_dataloader.dataset, data_root=str(root), ann_file=annotations, bbox_file=None,
                   data_prefix=dict(img=images))
    options['pipeline'][-1]['pack_transformed'] = True  # the joints in input pixels, too
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(options)
    metric = METRICS.build(dict(type='CocoMetric'))
    metric.dataset_meta = dataset.metainfo
    model = build_estimator(config.model).eval()
    model.test_cfg = {}
    for start in range(0, len(dataset), 32):
        batch = pseudo_collate([dataset[index] for index in range(start, min(start + 32, len(dataset)))])
        model.head.forward = lambda feats, batch=batch: answer(model.head, batch)
        model.extract_feat = lambda inputs: inputs
        with torch.no_grad():
            samples = model.predict(torch.stack(batch['inputs']), batch['data_samples'])
        metric.process(batch, [sample.to_dict() for sample in samples])
    return metric.evaluate(len(dataset))


def ground_truth(head: nn.Module, batch: dict) -> PoseOutputs:
    joints = np.concatenate([sample.gt_instances.transformed_keypoints for sample in batch['data_samples']])
    return PoseOutputs(coords=torch.from_numpy(joints / np.array(head.decoder.input_size)))


def random_answer(head: nn.Module, batch: dict) -> PoseOutputs:
    return PoseOutputs(coords=torch.rand(len(batch['data_samples']), 17, 2))


@pytest.mark.parametrize('layout', LAYOUTS)
def test_ground_truth_as_prediction_is_perfect(layout: str, request: pytest.FixtureRequest) -> None:
    figures = average_precision(root_of(layout, request), layout, ground_truth)
    assert figures['coco/AP'] == pytest.approx(1.0) and figures['coco/AR'] == pytest.approx(1.0)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_random_answers_are_worth_nothing(layout: str, request: pytest.FixtureRequest) -> None:
    torch.manual_seed(0)
    assert average_precision(root_of(layout, request), layout, random_answer)['coco/AP'] < 0.02
