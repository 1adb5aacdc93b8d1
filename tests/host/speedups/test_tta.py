"""The flip test as one batch against mmpose's two, and which is taken where."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.models import TopdownPoseEstimator
from torch import nn

from distilpose.config.models import build_estimator
from distilpose.host.speedups import tta
from distilpose.structures import PoseOutputs
from tests.networks import HEATMAP_SIZE, INPUT_SIZE, NUM_KEYPOINTS, STUDENT, TEACHER, batch

SIZES = dict(in_channels=8, in_featuremap_size=HEATMAP_SIZE, out_channels=NUM_KEYPOINTS, input_size=INPUT_SIZE,
             simcc_split_ratio=2.0)
SIMCC = dict(type='SimCCLabel', input_size=INPUT_SIZE, sigma=2.0, simcc_split_ratio=2.0)
HEATMAPS = dict(type='MSRAHeatmap', input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE, sigma=1)


def with_head(**head: Any) -> dict:
    return dict(STUDENT, head=head)


NETWORKS = {
    'DistilPoseHead': STUDENT,
    'TokenPoseHead': TEACHER,
    'HeatmapHead': with_head(type='HeatmapHead', in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                             decoder=HEATMAPS),
    'SimCCHead': with_head(type='SimCCHead', **SIZES, deconv_out_channels=None, decoder=SIMCC),
    'RTMCCHead': with_head(type='RTMCCHead', **SIZES, final_layer_kernel_size=1, decoder=SIMCC,
                           gau_cfg=dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0.0, drop_path=0.0,
                                        act_fn='SiLU', use_rel_bias=False, pos_enc=False)),
    'RegressionHead': dict(with_head(type='RegressionHead', in_channels=8, num_joints=NUM_KEYPOINTS,
                                     decoder=dict(type='RegressionLabel', input_size=INPUT_SIZE)),
                           neck=dict(type='GlobalAveragePooling')),
    'RLEHead': dict(with_head(type='RLEHead', in_channels=8, num_joints=NUM_KEYPOINTS,
                              decoder=dict(type='RegressionLabel', input_size=INPUT_SIZE)),
                    neck=dict(type='GlobalAveragePooling')),
}


def estimator(name: str, **test_cfg: Any) -> Any:
    """A network with weights that say something, in eval mode, with the flip test."""
    torch.manual_seed(0)
    model = build_estimator(dict(copy.deepcopy(NETWORKS[name]), test_cfg=dict(flip_test=True, **test_cfg)))
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return model.eval()


@torch.no_grad()
def answers(predict: Any, model: Any, size: int = 3) -> tuple[np.ndarray, np.ndarray]:
    images, samples = batch(size)
    found = [sample.pred_instances for sample in predict(model, images, samples)]
    return (np.concatenate([instances.keypoints for instances in found]),
            np.concatenate([instances.keypoint_scores for instances in found]))


def test_it_is_how_mmposes_estimator_predicts() -> None:
    assert TopdownPoseEstimator.predict is tta.predict


@pytest.mark.parametrize(('device', 'size', 'way'), [
    ('cpu', 1, 'in_one_batch'), ('cpu', 2, 'in_two_batches'), ('meta', 2, 'in_one_batch')])
def test_device_and_size_choose(device: str, size: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`meta` stands for any device but the CPU."""
    for name in ('in_one_batch', 'in_two_batches'):
        monkeypatch.setattr(tta, name, lambda *_, name=name: [name])
    model = estimator('DistilPoseHead')
    assert model.predict(torch.empty(size, 3, *INPUT_SIZE[::-1], device=device), []) == [way]


@pytest.mark.parametrize('size', [1, 3])
@pytest.mark.parametrize('name', NETWORKS)
def test_answers_are_those_of_two_batches(name: str, size: int) -> None:
    options = dict(flip_mode='heatmap', shift_heatmap=False) if name == 'HeatmapHead' else {}
    model = estimator(name, **options)
    for computed, expected in zip(answers(tta.in_one_batch, model, size),
                                  answers(tta.in_two_batches, model, size),
                                  strict=True):
        assert computed.std() > 0 or name == 'RegressionHead'  # whose scores are 1
        np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-4)


def count_runs(model: Any) -> list[int]:
    """How many images the backbone and the head were given, for every time they ran."""
    seen: list[int] = []
    for module in (model.backbone, model.head.encoder):
        module.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    return seen


def test_backbone_and_head_run_once() -> None:
    model = estimator('DistilPoseHead')
    seen = count_runs(model)
    answers(tta.in_one_batch, model)
    assert seen == [6, 6]
    assert 'extract_feat' not in vars(model) and 'forward' not in vars(model.head)


@pytest.mark.parametrize('change', ['no flip test', 'training'])
def test_otherwise_it_is_mmposes(change: str) -> None:
    """Without a flip test there is one batch; in train mode the samples of a batch depend on each other."""
    model = estimator('DistilPoseHead')
    if change == 'training':
        model.train()
    else:
        model.test_cfg = model.head.test_cfg = dict(flip_test=False)
    seen = count_runs(model)
    answers(tta.in_one_batch, model)
    assert seen == ([3, 3, 3, 3] if change == 'training' else [3, 3])


def test_what_cannot_be_halved_takes_two_batches() -> None:
    model = estimator('DistilPoseHead')
    whole = model.extract_feat
    model.extract_feat = lambda images: (*whole(images), 'a word')
    model.head.encoder.register_forward_pre_hook(lambda _, inputs: None)
    model.head.forward = lambda maps: type(model.head).forward(model.head, maps[:1])
    computed = answers(tta.in_one_batch, model)
    np.testing.assert_array_equal(computed[0], answers(tta.in_two_batches, model)[0])


def test_halves() -> None:
    maps = torch.arange(4.0)[:, None]
    outputs, other = tta.halves([PoseOutputs(coords=maps, heatmaps=(maps, -maps)), (None,)], 2) or ([], [])
    assert isinstance(outputs, list) and isinstance(outputs[0], PoseOutputs) and outputs[1] == (None,)
    torch.testing.assert_close(outputs[0].coords, maps[:2])
    torch.testing.assert_close(other[0].heatmaps, (maps[2:], -maps[2:]))
    for unknown in ('a word', maps[:3], torch.tensor(1.0), [maps, 3]):
        assert tta.halves(unknown, 2) is None
