"""Depthwise convolutions of a training are in float32 under autocast on a CPU."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from distilpose.models.depthwise import compute_depthwise_in_float32
from tests.devices import on_device


def pair() -> tuple[nn.Sequential, nn.Sequential, torch.Tensor]:
    """A network, a copy with the patch, and images."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 4, 1, groups=2))
    patched = copy.deepcopy(plain)
    compute_depthwise_in_float32(patched)
    return plain, patched, torch.randn(2, 8, 6, 6)


@on_device
def test_without_autocast_nothing_changes() -> None:
    plain, patched, images = pair()
    assert torch.equal(plain(images), patched(images)) and plain.state_dict().keys() == patched.state_dict().keys()
    assert [name for name, module in patched.named_modules() if 'forward' in vars(module)] == ['0']


def test_gradients_of_weights_are_those_of_float32() -> None:
    plain, patched, images = pair()
    output = plain[0](images)
    output.sum().backward()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = patched[0](images)
        assert found.dtype is torch.bfloat16 and torch.equal(found, output.to(torch.bfloat16))
        found.sum().backward()
    assert torch.equal(patched[0].weight.grad, plain[0].weight.grad)


@on_device
@pytest.mark.parametrize('copied', [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))],
                         ids=['copied', 'pickled'])
def test_a_copy_has_weights_of_its_own(copied: Callable[[Any], Any]) -> None:
    _, patched, images = pair()
    averaged = copied(patched)
    nn.init.zeros_(averaged[0].weight)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert patched[0](images).abs().sum() > 2 * averaged[0](images).abs().sum()
