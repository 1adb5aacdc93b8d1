"""What data set, pipeline, head, decoder and PCKh make of right and of shifted answers to real people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS

from distilpose.config import PROJECT_ROOT, load_config
from distilpose.engine import train
from distilpose.synthetic import make_dataset
from tests.datasets.mpii_form import make_head_boxes, make_people, read_dataset, write_people

from .answering import evaluate_ground_truth

CONFIG = 'configs/_base_/datasets/mpii_256x256_heatmap.py'
LSPET = dict(ann_file='annot/val.json', headbox_file='annot/gt_val.mat', data_prefix=dict(img='images/'))


@pytest.mark.parametrize('head, least', [('regression', (100, 100)), ('heatmap', (99.9, 90))])
def test_ground_truth_as_prediction(head: str, least: tuple[float, float], shared: Path) -> None:
    """Exactly right with coordinates; heatmaps of 64 x 64 cells cost something near the truth."""
    figures = evaluate_ground_truth(load_config(CONFIG), head=head, data_root=str(shared / 'data/lspet'),
                                    indices=range(0, 500, 10), **LSPET)
    assert figures['mpii/PCKh@0.5'] >= least[0] - 1e-9 and figures['mpii/PCKh@0.1'] >= least[1] - 1e-9
    if head == 'regression':
        assert set(figures.values()) == {100.0}


def test_a_shift_costs_what_it_should(shared: Path) -> None:
    """A person is right at 0.5 if and only if 24 input pixels are at most half of the head in the image."""
    root = shared / 'data/lspet'
    figures = evaluate_ground_truth(load_config(CONFIG), head='regression', shift=24.0, data_root=str(root), **LSPET)
    people = list(read_dataset(root, **LSPET, test_mode=True))
    sides = np.array([1.25 * np.ptp(person['bbox'][0, ::2]) for person in people])
    heads = np.array([person['head_size'].item() for person in people])
    correct = 24 * sides / 256 <= 0.5 * heads
    assert 0.05 < correct.mean() < 0.95
    assert figures['mpii/PCKh@0.5'] == pytest.approx(100 * correct.mean(), abs=1e-6)  # all have the same 14 joints


def test_training_data_is_augmented_as_published(shared: Path) -> None:
    config = load_config(CONFIG)
    steps = {step.type: step for step in config.train_dataloader.dataset.pipeline}
    assert 'RandomHalfBody' not in steps and 'RandomBBoxCenterShift' not in steps
    augmentation = steps['RandomScaleRotation']
    assert (augmentation.scale_factor, augmentation.rotation_factor, augmentation.rotation_prob) == (0.25, 30, 0.6)
    options = dict(config.train_dataloader.dataset, data_root=str(shared / 'data/lspet'), indices=range(4))
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(options)
    for item in dataset:
        heatmaps, weights = item['data_samples'].gt_fields.heatmaps, item['data_samples'].gt_instance_labels
        assert item['inputs'].shape == (3, 256, 256) and heatmaps.shape == (16, 64, 64)
        assert not heatmaps[[6, 7]].any() and not weights.keypoint_weights[0, [6, 7]].any()  # pelvis and thorax
        assert heatmaps.flatten(1).max(dim=1).values.sum() >= 10  # joints may be turned out of the crop


RUN = """
_base_ = [{runtime!r}, {data!r}]
custom_imports = dict(imports=['distilpose', 'tests.engine.tiny'], allow_failed_imports=False)
model = dict(
    type='TopdownPoseEstimator', data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='TinyBackbone'),
    head=dict(type='HeatmapHead', in_channels=16, out_channels=16, deconv_out_channels=(8, 8),
              deconv_kernel_sizes=(4, 4), loss=dict(type='KeypointMSELoss', use_target_weight=True),
              decoder=_base_.codec),
    test_cfg=dict(flip_test=True))
train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(ann_file='people.json'))
val_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False,
                      dataset=dict(ann_file='people.json', headbox_file='truth.mat'))
"""


def test_a_run_keeps_the_checkpoint_with_the_best_pckh(tmp_path: Path) -> None:
    people = make_people(8)
    write_people(tmp_path, people, boxes=make_head_boxes(8))
    (tmp_path / 'images').mkdir()
    for person in people:
        cv2.imwrite(str(tmp_path / 'images' / person['image']), np.zeros((400, 400, 3), np.uint8))
    bases = dict(runtime=str(PROJECT_ROOT / 'configs/_base_/runtime/default.py'), data=str(PROJECT_ROOT / CONFIG))
    (tmp_path / 'run.py').write_text(RUN.format(**bases))
    runner = train(tmp_path / 'run.py', work_dir=tmp_path / 'run', data_root=tmp_path)
    assert {f'val/mpii/{name}@0.5' for name in ('PCKh', 'Head', 'Ankle')} <= set(runner.message_hub.log_scalars)
    assert (tmp_path / 'run' / 'best_mpii_PCKh@0.5_epoch_1.pth').is_file()


def test_synthetic_people_in_mpiis_form(tmp_path: Path) -> None:
    make_dataset(tmp_path / 'people', images=6, seed=0, size=192, val_fraction=0.5)
    options = dict(data_root=str(tmp_path / 'people'), ann_file='annot/val.json', headbox_file='annot/gt_val.mat',
                   data_prefix=dict(img='images/val/'))
    figures = evaluate_ground_truth(load_config(CONFIG), head='regression', **options)
    assert {value for value in figures.values() if not np.isnan(value)} == {100.0}
