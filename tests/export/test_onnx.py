"""Export to ONNX: every head, an open batch, metadata, and a file that answers otherwise."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmpose.models.heads import HeatmapHead

from distilpose.config.models import build_estimator
from distilpose.export.onnx import export
from distilpose.models import TokenPoseHead
from tests import networks
from tests.networks import ENCODER, HEATMAP_SIZE, INPUT_SIZE, NUM_KEYPOINTS, STUDENT, TEACHER

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

_MAPS = dict(input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE)
_REGRESSION = dict(type='RegressionLabel', input_size=INPUT_SIZE)


def _head(**head: Any) -> dict:
    return dict(copy.deepcopy({key: value for key, value in STUDENT.items() if key != 'head'}), head=head)


def _pooled(**head: Any) -> dict:
    return dict(_head(**head), neck=dict(type='GlobalAveragePooling'))


def _heatmap(decoder: dict) -> dict:
    return _head(type='HeatmapHead', in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                 loss=dict(type='KeypointMSELoss'), decoder=decoder)


def _hourglass() -> dict:
    size, cells = (64, 64), (16, 16)
    head = dict(type='CPMHead', in_channels=NUM_KEYPOINTS, out_channels=NUM_KEYPOINTS, num_stages=2, final_layer=None,
                deconv_out_channels=None, loss=dict(type='KeypointMSELoss'),
                decoder=dict(type='MSRAHeatmap', input_size=size, heatmap_size=cells, sigma=1))
    backbone = dict(type='StackedHourglass', num_keypoints=NUM_KEYPOINTS, num_stacks=2, channels=8)
    return dict(_head(**head), backbone=backbone)


_SIMCC = dict(type='SimCCLabel', input_size=INPUT_SIZE, sigma=(2.0, 2.0), simcc_split_ratio=2.0, normalize=False)
_SIMDR = dict(type='SimDRLabel', input_size=INPUT_SIZE, simdr_split_ratio=2.0)
MODELS = dict(
    distilpose=STUDENT,
    distilpose_rle=networks.changed(STUDENT, loss=dict(type='RLELoss', use_target_weight=True)),
    tokenpose=TEACHER,
    tokenpose_udp=networks.changed(TEACHER, decoder=dict(type='TokenPoseHeatmap', **_MAPS, sigma=1)),
    tokenpose_chained=networks.changed(TEACHER, encoder=dict(ENCODER, transformers=2, depth=1)),
    msra=_heatmap(dict(type='MSRAHeatmap', **_MAPS, sigma=1)),
    dark=_heatmap(dict(type='MSRAHeatmap', **_MAPS, sigma=1, unbiased=True)),
    udp=_heatmap(dict(type='UDPHeatmap', **_MAPS, sigma=1)),
    simcc=_head(type='SimCCHead', in_channels=8, out_channels=NUM_KEYPOINTS, input_size=INPUT_SIZE,
                in_featuremap_size=HEATMAP_SIZE, simcc_split_ratio=2.0, deconv_out_channels=None,
                loss=dict(type='KLDiscretLoss', use_target_weight=True), decoder=_SIMCC),
    rtmcc=_head(type='RTMCCHead', in_channels=8, out_channels=NUM_KEYPOINTS, input_size=INPUT_SIZE,
                in_featuremap_size=HEATMAP_SIZE, simcc_split_ratio=2.0, final_layer_kernel_size=3,
                gau_cfg=dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0., drop_path=0., act_fn='SiLU',
                             use_rel_bias=False, pos_enc=False),
                loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10., label_softmax=True), decoder=_SIMCC),
    simdr=_head(type='SimDRHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, decoder=_SIMDR),
    tokenpose_simdr=_head(type='TokenPoseSimDRHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, encoder=ENCODER,
                          decoder=_SIMDR),
    regression=_pooled(type='RegressionHead', in_channels=8, num_joints=NUM_KEYPOINTS,
                       loss=dict(type='SmoothL1Loss', use_target_weight=True), decoder=_REGRESSION),
    rle=_pooled(type='RLEHead', in_channels=8, num_joints=NUM_KEYPOINTS,
                loss=dict(type='RLELoss', use_target_weight=True), decoder=_REGRESSION),
    direct=_pooled(type='DirectRegressionHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, decoder=_REGRESSION),
    hourglass=_hourglass())


def write_checkpoint(model: dict, folder: Path, *, seed: int = 0) -> tuple[Config, Path]:
    """A config of a model and a checkpoint whose random weights are large enough to say something.

    Heatmaps are above 0, where their logarithm is smooth.
    """
    torch.manual_seed(seed)
    network = build_estimator(copy.deepcopy(model))
    for parameter in network.parameters():
        if parameter.requires_grad and parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    last = getattr(network.head, 'final_layer', None)
    if isinstance(last, torch.nn.Conv2d) and isinstance(network.head, HeatmapHead):
        torch.nn.init.constant_(last.bias, 5.0)
    elif isinstance(network.head, TokenPoseHead):
        torch.nn.init.constant_(network.head.readout[-1].bias, 5.0)
    torch.save(dict(state_dict=network.state_dict()), folder / 'net.pth')
    return Config(dict(model=copy.deepcopy(model))), folder / 'net.pth'


@pytest.mark.parametrize('name', MODELS)
def test_every_head(name: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx', dynamic_batch=True)
    assert made.comparison.share < 1e-4 and made.comparison.outliers < 0.01  # UDP's step is not stable on noise


@pytest.mark.parametrize('name', MODELS)
def test_half(name: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx', dynamic_batch=True, half=True)
    assert made.comparison.half


@pytest.mark.parametrize('name', MODELS)
def test_decoding(name: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx', dynamic_batch=True, with_decoding=True)
    print(made)


@pytest.mark.parametrize('name', MODELS)
def test_rtmlib(name: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx', dynamic_batch=True, runtime='rtmlib')
    print(made)
