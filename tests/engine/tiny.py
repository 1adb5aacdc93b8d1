"""A data set of noise and a network of two convolutions: everything a Runner needs, in milliseconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmpose.registry import MODELS
from torch import Tensor, nn

PROJECT = Path(__file__).resolve().parents[2]
NUM_IMAGES = 12

_CONFIG = """
_base_ = {base!r}
custom_imports = dict(imports=['distilpose', 'tests.engine.tiny'], allow_failed_imports=False)
data_mode = 'topdown'
dataset_type = 'CocoDataset'
data_root = {root!r}
codec = dict(type='RegressionLabel', input_size=(48, 64))
train_pipeline = [
    dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform'), dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec), dict(type='PackPoseInputs')]
val_pipeline = [
    dict(type='LoadImage'), dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']), dict(type='PackPoseInputs')]
train_dataloader = dict(
    batch_size=4, num_workers={workers}, persistent_workers={workers} > 0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type=dataset_type, data_mode=data_mode, data_root=data_root, ann_file='annotations/people.json',
                 data_prefix=dict(img='images/'), pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(type=dataset_type, data_mode=data_mode, data_root=data_root, ann_file='annotations/people.json',
                 data_prefix=dict(img='images/'), test_mode=True, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', ann_file=data_root + 'annotations/people.json')
test_evaluator = val_evaluator
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='TinyBackbone'), neck=dict(type='GlobalAveragePooling'),
    head=dict(type='RegressionHead', in_channels=16, num_joints=17,
              loss=dict(type='SmoothL1Loss', use_target_weight=True), decoder=codec),
    test_cfg=dict(flip_test=False))
train_cfg = dict(by_epoch=True, max_epochs={epochs}, val_interval=1)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-2))
param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5)]
auto_scale_lr = dict(base_batch_size=8)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=-1), logger=dict(interval=1))
"""


@MODELS.register_module()
class TinyBackbone(nn.Module):
    """(B, 3, 64, 48) -> (B, width, 4, 3), with dropout, so that randomness matters."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 4, stride=4), nn.ReLU(), nn.Conv2d(8, width, 4, stride=4), nn.BatchNorm2d(width),
            nn.Dropout(0.2))

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.layers(images), )


def write_data(folder: Path) -> Path:
    """Images of noise with made-up people."""
    generator = np.random.default_rng(0)
    (folder / 'images').mkdir(parents=True)
    (folder / 'annotations').mkdir()
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for index in range(1, NUM_IMAGES + 1):
        name = f'{index:03}.png'
        cv2.imwrite(str(folder / 'images' / name), generator.integers(0, 255, (80, 60, 3), dtype=np.uint8))
        joints = np.column_stack([generator.uniform(5, 55, 17), generator.uniform(5, 75, 17), np.full(17, 2)])
        images.append(dict(id=index, file_name=name, width=60, height=80))
        people.append(dict(id=index, image_id=index, category_id=1, bbox=[2, 2, 56, 76], area=4256, iscrowd=0,
                           num_keypoints=17, keypoints=joints.round(1).flatten().tolist()))
    categories = [dict(id=1, name='person', supercategory='person')]
    (folder / 'annotations' / 'people.json').write_text(
        json.dumps(dict(info={}, images=images, annotations=people, categories=categories)))
    return folder


def write_config(file: Path, data: Path, *, workers: int = 0, epochs: int = 2, extra: str = '') -> Path:
    """A config over the project's runtime."""
    base = str(PROJECT / 'configs/_base_/runtime/default.py')
    file.write_text(_CONFIG.format(base=base, root=f'{data}/', workers=workers, epochs=epochs) + extra)
    return file


def logged_losses(work_dir: Path) -> dict[int, float]:
    """Iteration -> loss of the newest run in a work directory."""
    newest = max(work_dir.glob('*/vis_data/scalars.json'), key=lambda file: file.stat().st_mtime_ns)
    lines = [json.loads(line) for line in newest.read_text().splitlines()]
    return {line['step']: line['loss'] for line in lines if 'loss' in line}


def assert_close_losses(found: dict[int, float], expected: dict[int, float], *, rel: float = 1e-6) -> None:
    """Of runs whose samples were made in other processes or by other steps, which may round otherwise.

    Weights are not compared so: Adam makes whole steps of gradients that are nothing but rounding, such as those of a
    bias in front of a normalisation.
    """
    assert found.keys() == expected.keys() and len(found) > 0
    np.testing.assert_allclose([found[step] for step in expected], list(expected.values()), rtol=rel)


_TEACHER = """
_base_ = {student!r}
codec = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(6, 8), sigma=1)
train_pipeline = _base_.train_pipeline
train_pipeline[5] = dict(type='GenerateTarget', encoder=codec)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    neck=None,
    head=dict(_delete_=True, type='HeatmapHead', in_channels=16, out_channels=17, deconv_out_channels=(8, ),
              deconv_kernel_sizes=(4, ), loss=dict(type='KeypointMSELoss', use_target_weight=True), decoder=codec))
"""

_DISTILLATION = """
_base_ = {student!r}
model = dict(
    _delete_=True, type='PoseDistiller', student=_base_.model,
    teacher=dict(config={teacher!r}, checkpoint={checkpoint!r}),
    terms=dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='learned', weight=1.0)))
"""


def write_distillation(folder: Path, data: Path) -> tuple[Path, Path]:
    """Configs of the student and of its distillation, and a teacher with random weights in ``teacher.pth``."""
    import torch

    from distilpose.config.models import build_estimator
    from distilpose.engine import read_config

    student = write_config(folder / 'student.py', data)
    teacher = folder / 'teacher.py'
    teacher.write_text(_TEACHER.format(student=str(student)))
    torch.manual_seed(0)
    weights = build_estimator(read_config(teacher).model.to_dict()).state_dict()
    checkpoint = folder / 'teacher.pth'
    torch.save(dict(state_dict=weights), checkpoint)
    distillation = folder / 'distillation.py'
    distillation.write_text(
        _DISTILLATION.format(student=str(student), teacher=str(teacher), checkpoint=str(checkpoint)))
    return student, distillation
