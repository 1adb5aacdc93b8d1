"""A student and a teacher small enough for a test, and a batch for them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from distilpose.config.models import build_estimator
from distilpose.distillation import FrozenTeacher, PoseDistiller

INPUT_SIZE, HEATMAP_SIZE, NUM_KEYPOINTS = (48, 64), (12, 16), 17
ENCODER = dict(feature_size=HEATMAP_SIZE, patch_size=(3, 4), dim=16, depth=2, num_heads=2, mlp_ratio=2)

_BASE = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=True),
    backbone=dict(type='StemNet', stem_channels=4, out_channels=8, num_blocks=1))
STUDENT = dict(_BASE, head=dict(type='DistilPoseHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, encoder=ENCODER,
                                decoder=dict(type='RegressionLabel', input_size=INPUT_SIZE)))
TEACHER = dict(_BASE, head=dict(type='TokenPoseHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, encoder=ENCODER,
                                heatmap_size=HEATMAP_SIZE, hidden_dim=8,
                                decoder=dict(type='MSRAHeatmap', input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE,
                                             sigma=1)))
TERMS = dict(
    visual_tokens=dict(type='TokenTerm', tokens='visual', weight=5e-4),
    keypoint_tokens=dict(type='TokenTerm', tokens='keypoint', weight=5e-4),
    simulated_heatmap=dict(type='SimulatedHeatmapTerm'),
    score=dict(type='ScoreTerm', weight=1e-2))


def changed(config: dict, **head: Any) -> dict:
    """A copy of a model config with other head arguments."""
    config = copy.deepcopy(config)
    config['head'].update(head)
    return config


def teacher(config: dict | None = None, *, seed: int = 0, **options: Any) -> FrozenTeacher:
    """A teacher with random weights that are large enough to say something."""
    torch.manual_seed(seed)
    model = build_estimator(config or TEACHER)
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return FrozenTeacher(model, **options)


def distiller(student: dict | None = None, *, seed: int = 1, **options: Any) -> PoseDistiller:
    """A student of :func:`teacher`, initialised as its config says."""
    options = dict(dict(teacher=teacher(), terms=TERMS), **options)
    torch.manual_seed(seed)
    model = PoseDistiller(copy.deepcopy(student or STUDENT), **options)
    model.init_weights()
    return model


def batch(size: int = 4, *, seed: int = 2) -> tuple[Tensor, list[PoseDataSample]]:
    """Normalised images (B, 3, H, W) and data samples with ground truth for regression and heatmaps."""
    generator = torch.Generator().manual_seed(seed)
    width, height = INPUT_SIZE
    images = torch.randn(size, 3, height, width, generator=generator)
    samples = []
    for _ in range(size):
        labels = InstanceData(keypoint_labels=torch.rand(1, NUM_KEYPOINTS, 2, generator=generator),
                              keypoint_weights=(torch.rand(1, NUM_KEYPOINTS, generator=generator) > 0.3).float())
        heatmaps = torch.rand(NUM_KEYPOINTS, *HEATMAP_SIZE[::-1], generator=generator)
        instances = InstanceData(bboxes=np.array([[0, 0, width, height]], dtype=np.float32), bbox_scores=np.ones(1))
        meta = dict(input_size=INPUT_SIZE, input_center=np.array(INPUT_SIZE) / 2, input_scale=np.array(INPUT_SIZE),
                    flip_indices=[0, *(i + 1 if i % 2 else i - 1 for i in range(1, NUM_KEYPOINTS))])
        samples.append(PoseDataSample(metainfo=meta, gt_instance_labels=labels, gt_instances=instances,
                                      gt_fields=PixelData(heatmaps=heatmaps)))
    return images, samples
