"""The reference implementation gives the values and gradients of what it replaces."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import Tensor

from distilpose.benchmark.reference import (
    attend_in_steps,
    decode_by_sample,
    drawn_heatmap_loss,
    predict_as_published,
    published_settings,
    train_as_published,
)
from distilpose.distillation.terms import simulated_heatmap_loss
from distilpose.engine.hooks.channels_last import has_channels_last
from distilpose.host.speedups.tta import in_one_batch
from distilpose.models.layers.token_encoder import SelfAttention
from tests import networks


def assert_equal_work(found: tuple[Tensor, list[Tensor]], expected: tuple[Tensor, list[Tensor]]) -> None:
    """Values to 1e-5 and gradients to 1e-4 of the largest."""
    (value, gradients), (expected_value, expected_gradients) = found, expected
    torch.testing.assert_close(value, expected_value, rtol=1e-5, atol=1e-5 * expected_value.abs().max().item())
    for gradient, other in zip(gradients, expected_gradients, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(gradient, other, rtol=1e-4, atol=1e-4 * other.abs().max().item())


@pytest.mark.parametrize('scale', ['head', 'dim'])
def test_attention(scale: str) -> None:
    torch.manual_seed(0)
    module, tokens = SelfAttention(16, 4, scale=scale), torch.randn(3, 11, 16, requires_grad=True)

    def run(forward) -> tuple[Tensor, list[Tensor]]:
        attended = forward(tokens)
        return attended, list(torch.autograd.grad(attended.square().sum(), [tokens, *module.parameters()]))

    assert_equal_work(run(lambda values: attend_in_steps(module, values)), run(module.forward))


@pytest.mark.parametrize('masking', ['official', 'intended'])
def test_simulated_heatmaps(masking: str) -> None:
    torch.manual_seed(0)
    coords, sigmas = torch.rand(5, 4, 2, requires_grad=True), (torch.rand(5, 4, 2) + 0.5).requires_grad_()
    heatmaps, weights = torch.rand(5, 4, 16, 12), (torch.rand(5, 4) > 0.3).float()

    def run(loss) -> tuple[Tensor, list[Tensor]]:
        value = loss(coords, sigmas, heatmaps, weights=weights, masking=masking)
        return value, list(torch.autograd.grad(value, [coords, sigmas]))

    assert_equal_work(run(drawn_heatmap_loss), run(simulated_heatmap_loss))


def test_a_distillers_losses_and_gradients() -> None:
    images, samples = networks.batch()
    model = networks.distiller()

    def run() -> tuple[Tensor, list[Tensor]]:
        model.zero_grad()
        losses = model.loss(images, samples)
        total = torch.stack([value for name, value in losses.items() if 'loss' in name])
        total.sum().backward()
        return total.detach(), [p.grad.clone() for p in model.parameters() if p.requires_grad]

    expected = run()
    assert train_as_published(model, model.teacher.model) == ['attention by einsum', 'drawn simulated heatmaps']
    for encoder in (model.head.encoder, model.teacher.model.head.encoder):
        assert all(layer.attention.forward.func is attend_in_steps for layer in encoder.layers)
    assert_equal_work(run(), expected)


def test_predictions() -> None:
    images, samples = networks.batch(2)
    model = networks.distiller().student.eval()
    model.test_cfg = dict(flip_test=True)
    seen: list[int] = []
    encode = model.head.encoder.forward
    model.head.encoder.forward = lambda maps: (seen.append(len(maps)), encode(maps))[1]

    def run(predict) -> tuple[Tensor, list[Tensor]]:
        with torch.no_grad():
            answers = predict(images, copy.deepcopy(samples))
        return torch.cat([torch.from_numpy(answer.pred_instances.keypoints) for answer in answers]), []

    expected = run(partial(in_one_batch, model))
    assert predict_as_published(model) == ['attention by einsum', 'two forward passes']
    assert_equal_work(run(model.predict), expected)
    assert seen == [4, 2, 2]


@torch.no_grad()
def test_predictions_from_heatmaps() -> None:
    images, samples = networks.batch(3)
    model = networks.teacher().model.eval()
    expected = model.predict(images, copy.deepcopy(samples))
    assert predict_as_published(model) == ['attention by einsum', 'decoding sample by sample']
    assert model.head.decode.func is decode_by_sample
    for found, answer in zip(model.predict(images, copy.deepcopy(samples)), expected, strict=True):
        np.testing.assert_allclose(found.pred_instances.keypoints, answer.pred_instances.keypoints, rtol=1e-5)


def test_settings() -> None:
    cfg = Config(dict(
        model=dict(type='PoseDistiller', teacher=dict(config='a', checkpoint='b', dtype='bfloat16')),
        optim_wrapper=dict(type='AutocastOptimWrapper', dtype='bfloat16', clip_grad=dict(max_norm=1.),
                           optimizer=dict(type='Adam', lr=1e-3, fused=True)),
        custom_hooks=[dict(type='ChannelsLastHook'), dict(type='GradientShareHook')],
        default_hooks=dict(layout=dict(type='ChannelsLastHook'), timer=dict(type='IterTimerHook'), none=None),
        compile=True))
    before = copy.deepcopy(cfg.to_dict())
    found = published_settings(cfg)
    assert found.optim_wrapper == dict(type='OptimWrapper', clip_grad=dict(max_norm=1.),
                                       optimizer=dict(type='Adam', lr=1e-3, fused=False, foreach=False))
    assert found.model.teacher == dict(config='a', checkpoint='b', dtype=None, compile=None, fused=False)
    assert has_channels_last(cfg) and not has_channels_last(found) and not found.compile
    assert found.default_hooks == dict(timer=dict(type='IterTimerHook'), none=None)
    assert found.custom_hooks == [dict(type='GradientShareHook')] and cfg.to_dict() == before
