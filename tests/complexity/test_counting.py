"""Multiply-adds of small modules, against what can be counted by hand, and what counting must not change."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from distilpose.complexity import ForwardPass, count_macs, count_macs_by_module, count_parameters
from distilpose.config.models import build_estimator
from distilpose.models.layers import TokenEncoder
from tests.networks import INPUT_SIZE, STUDENT

IMAGES = torch.zeros(1, 3, *INPUT_SIZE[::-1])


def test_linear() -> None:
    assert count_macs(nn.Linear(5, 7), torch.zeros(1, 3, 5)) == 3 * 5 * 7


@pytest.mark.parametrize(('stride', 'groups', 'outputs'), [(1, 1, 64), (2, 1, 16), (2, 4, 16)])
def test_convolution(stride: int, groups: int, outputs: int) -> None:
    layer = nn.Conv2d(8, 12, 3, stride=stride, padding=1, groups=groups)
    assert count_macs(layer, torch.zeros(1, 8, 8, 8)) == outputs * 12 * (8 // groups) * 9


def test_a_transposed_convolution_costs_its_kernel_at_every_input_pixel() -> None:
    assert count_macs(nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1), torch.zeros(1, 6, 5, 5)) == 25 * 6 * 4 * 16


def test_attention_costs_both_products() -> None:
    keypoints, patches, dim = 5, 16, 16
    tokens = keypoints + patches
    for heads in (1, 4):
        encoder = TokenEncoder(8, keypoints, feature_size=(12, 16), patch_size=(3, 4), dim=dim, depth=1,
                               num_heads=heads, mlp_ratio=2)
        embedding, linear = patches * 8 * 12 * dim, tokens * dim * dim * (3 + 1 + 2 + 2)
        found = count_macs(encoder, torch.zeros(1, 8, 16, 12))
        assert found == embedding + linear + 2 * tokens * tokens * dim


def test_attention_written_out_costs_the_same() -> None:
    class WrittenOut(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x @ x.transpose(1, 2)).softmax(-1) @ x

    class Fused(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.scaled_dot_product_attention(x, x, x)

    tokens = torch.zeros(1, 10, 16)
    assert count_macs(WrittenOut(), tokens) == count_macs(Fused(), tokens) == 2 * 10 * 10 * 16


def test_what_multiplies_no_matrices_costs_nothing() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Upsample(scale_factor=2), nn.MaxPool2d(2))
    assert count_macs(model, IMAGES) == 0


def test_parameters_frozen_shared_and_buffers() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 4))
    model.append(model[2])
    model[0].bias.requires_grad = False
    assert count_parameters(model) == (12 + 4 + 8 + 20, 12 + 8 + 20)


def test_modules_add_up() -> None:
    model = build_estimator(STUDENT)
    macs = count_macs_by_module(model, IMAGES)
    assert macs[''] == count_macs(ForwardPass(model), IMAGES) > 0
    assert set(macs) == {name for name, _ in model.named_modules()}
    assert macs['backbone'] + macs['head'] == macs['']
    layers = [macs[f'head.encoder.layers.{index}'] for index in range(2)]
    assert macs['head.encoder.layers'] == sum(layers) and layers[0] == layers[1] > 0  # a list is never called
    assert macs['head.encoder'] == macs['head.encoder.embedding'] + sum(layers)
    attention = 'head.encoder.layers.0.attention'
    tokens, dim = 16 + 17, 16
    assert macs[attention] - macs[f'{attention}.qkv'] - macs[f'{attention}.out'] == 2 * tokens**2 * dim
    assert macs['backbone.bn1'] == 0
