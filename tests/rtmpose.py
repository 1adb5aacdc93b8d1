"""RTMPose small enough for a test: the networks, codec and loss of DWPose's students and teachers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from mmengine.structures import InstanceData
from mmpose.codecs import SimCCLabel
from mmpose.structures import PoseDataSample
from torch import Tensor

from distilpose.distillation import PoseDistiller
from tests.networks import teacher

INPUT_SIZE, NUM_KEYPOINTS = (64, 96), 5
CODEC = dict(type='SimCCLabel', input_size=INPUT_SIZE, sigma=(2.0, 2.5), simcc_split_ratio=2.0, normalize=False,
             use_dark=False)
LOGIT = dict(type='SimCCTerm', beta=10)
STAGE_1 = dict(
    feature=dict(type='FeatureTerm', weight=7e-5, schedule='linear_decay', by_epoch=True),
    logit=dict(LOGIT, weight=0.1, schedule='linear_decay', by_epoch=True))


def network(*, widen: float = 0.125, keypoints: int = NUM_KEYPOINTS, **head: Any) -> dict:
    """An RTMPose of this width; its last map has ``1024 * widen`` channels."""
    width, height = INPUT_SIZE
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                               bgr_to_rgb=True),
        backbone=dict(type='CSPNeXt', arch='P5', expand_ratio=0.5, deepen_factor=0.167, widen_factor=widen,
                      out_indices=(4, ), channel_attention=True, norm_cfg=dict(type='BN'), act_cfg=dict(type='SiLU')),
        head=dict(type='RTMCCHead', in_channels=int(1024 * widen), out_channels=keypoints, input_size=INPUT_SIZE,
                  in_featuremap_size=(width // 32, height // 32), simcc_split_ratio=2.0, final_layer_kernel_size=3,
                  gau_cfg=dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0., drop_path=0., act_fn='SiLU',
                               use_rel_bias=False, pos_enc=False),
                  loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10., label_softmax=True),
                  decoder=CODEC) | head)


def distiller(*, widen: float = 0.125, taught_by: float = 0.1875, mode: str = 'eval', seed: int = 1,
              **options: Any) -> PoseDistiller:
    """A student and a random teacher of these widths, the student initialised as its config says."""
    frozen = teacher(network(widen=taught_by), mode=mode)
    torch.manual_seed(seed)
    model = PoseDistiller(network(widen=widen), frozen, **options)
    model.init_weights()
    return model


def stage_1(**options: Any) -> PoseDistiller:
    """DWPose's first stage."""
    return distiller(terms=copy.deepcopy(STAGE_1), **options)


def stage_2(**options: Any) -> PoseDistiller:
    """DWPose's second stage: the network itself is the teacher."""
    return distiller(taught_by=0.125, terms=dict(logit=dict(LOGIT)), task_weight=0.0, share_backbone=True, **options)


def batch(size: int = 3, *, seed: int = 2) -> tuple[Tensor, list[PoseDataSample]]:
    """Normalised images (B, 3, H, W) and samples with SimCC labels; some joints are not labelled."""
    generator = torch.Generator().manual_seed(seed)
    width, height = INPUT_SIZE
    images = torch.randn(size, 3, height, width, generator=generator)
    codec = SimCCLabel(**{key: value for key, value in CODEC.items() if key != 'type'})
    samples = []
    for _ in range(size):
        joints = torch.rand(1, NUM_KEYPOINTS, 2, generator=generator) * torch.tensor(INPUT_SIZE)
        visible = (torch.rand(1, NUM_KEYPOINTS, generator=generator) > 0.3).float()
        encoded = codec.encode(joints.numpy(), visible.numpy())
        labels = {name: torch.as_tensor(value) for name, value in encoded.items() if name != 'keypoints'}
        samples.append(PoseDataSample(gt_instance_labels=InstanceData(**labels)))
    return images, samples
