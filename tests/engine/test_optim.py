"""Steps of the optimizer wrapper with mixed precision, on any device."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from distilpose.engine.mixed_precision import AutocastOptimWrapper
from tests.devices import on


def build(model: nn.Module, **kwargs: Any) -> AutocastOptimWrapper:
    """The wrapper of a model that is on its device already."""
    return AutocastOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), **kwargs)


def model_and_data(device: torch.device | str = 'cpu') -> tuple[nn.Module, torch.Tensor]:
    """A layer and its inputs (8, 4), drawn on the CPU."""
    torch.manual_seed(0)
    return on(nn.Linear(4, 2), device), on(torch.randn(8, 4), device)


def test_accumulated_halves_equal_the_whole_batch(device: torch.device) -> None:
    whole, data = model_and_data(device)
    halves = copy.deepcopy(whole)
    one, two = build(whole), build(halves, accumulative_counts=2)
    two.initialize_count_status(halves, 0, 2)
    with one.optim_context(whole):
        loss = whole(data).float().square().mean()
    one.update_params(loss)
    for part in data.chunk(2):
        with two.optim_context(halves):
            loss = halves(part).float().square().mean()
        two.update_params(loss)
    assert torch.allclose(whole.weight, halves.weight, atol=1e-3)


def test_clipping_limits_the_update(device: torch.device) -> None:
    model, data = model_and_data(device)
    before = model.weight.detach().clone()
    wrapper = build(model, clip_grad=dict(max_norm=1e-3))
    with wrapper.optim_context(model):
        loss = model(data).float().square().mean() * 1e4
    wrapper.update_params(loss)
    assert 0 < (model.weight - before).norm() <= 0.1 * 1e-3 + 1e-7


@pytest.mark.parametrize('writer', [AutocastOptimWrapper, OptimWrapper])
@pytest.mark.parametrize('reader', [AutocastOptimWrapper, OptimWrapper])
def test_states_are_exchanged_with_full_precision(writer: type, reader: type, device: torch.device) -> None:
    model, data = model_and_data(device)
    source = writer(optimizer=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    source.update_params(model(data).square().mean())
    target = reader(optimizer=torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9))
    target.load_state_dict(source.state_dict())
    assert target.get_lr()['lr'] == [0.1]
    assert target.optimizer.state[model.weight]['momentum_buffer'].abs().sum() > 0


def test_a_scalers_state_does_not_disturb(device: torch.device) -> None:
    model, _ = model_and_data(device)
    state = dict(build(model).state_dict(), loss_scaler=dict(scale=2.0))
    build(model).load_state_dict(state)
    assert 'loss_scaler' in state


@pytest.mark.parametrize('precision', ['bfloat16', 'float16'])
def test_a_step_and_the_state_of_its_scaler(precision: str, device: torch.device) -> None:
    if precision == 'float16' and device.type != 'cuda':
        pytest.skip('float16 trains on CUDA devices only')
    model, data = model_and_data(device)
    wrapper = build(model, dtype=precision, clip_grad=dict(max_norm=1.0))
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        output = model(data)
    assert output.dtype is getattr(torch, precision)
    wrapper.update_params(output.float().square().mean())
    assert not torch.equal(before, model.weight)
    assert ('loss_scaler' in wrapper.state_dict()) == (precision == 'float16')
    other = build(model, dtype=precision)
    other.load_state_dict(wrapper.state_dict())
