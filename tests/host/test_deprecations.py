"""Layers and wrappers that called names which torch has moved."""

from __future__ import annotations

import warnings

import pytest
import torch
from mmengine.optim.optimizer import amp_optimizer_wrapper
from mmpose.models.backbones.csp_darknet import SPPBottleneck
from mmpose.models.utils.csp_layer import ChannelAttention
from torch import Tensor, nn


def published(layer: nn.Module, x: Tensor) -> Tensor:
    """What mmpose computes."""
    if isinstance(layer, ChannelAttention):
        return x * layer.act(layer.fc(layer.global_avgpool(x)))
    x = layer.conv1(x)
    return layer.conv2(torch.cat([x] + [pooling(x) for pooling in layer.poolings], dim=1))


@pytest.mark.parametrize('layer', [lambda: ChannelAttention(4), lambda: SPPBottleneck(4, 6, kernel_sizes=(3, 5))],
                         ids=['attention', 'pooling'])
def test_the_layers_of_cspnext_compute_the_same_without_a_warning(layer: object) -> None:
    torch.manual_seed(0)
    module, x = layer().eval(), torch.randn(2, 4, 9, 7)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = module(x)
    assert torch.equal(found, published(module, x))


def test_mmengines_scaler_is_torchs_present_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error', FutureWarning)
        scaler = amp_optimizer_wrapper.GradScaler(init_scale=2.0, enabled=False)
    assert isinstance(scaler, torch.amp.GradScaler) and scaler._device == 'cuda'
