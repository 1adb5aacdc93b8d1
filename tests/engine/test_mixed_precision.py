"""The optimizer wrapper with mixed precision."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from distilpose.engine.mixed_precision import AutocastOptimWrapper, autocast_dtype, check_custom_keys
from distilpose.errors import DistilPoseError
from distilpose.models import fast_settings


def build(model: nn.Module, **kwargs: Any) -> AutocastOptimWrapper:
    return AutocastOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), **kwargs)


def model_and_data() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return nn.Linear(4, 2), torch.randn(8, 4)


def test_forward_runs_in_bfloat16_and_gradients_are_float32() -> None:
    model, data = model_and_data()
    wrapper = build(model)
    with wrapper.optim_context(model):
        output = model(data)
    assert output.dtype is torch.bfloat16
    wrapper.backward(output.float().square().mean())
    assert model.weight.grad is not None and model.weight.grad.dtype is torch.float32


@pytest.mark.parametrize(('fast', 'dtype'), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_is_read_from_the_processor(fast: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_settings, 'has_fast_bfloat16', lambda device_type: fast)
    model = nn.Linear(2, 2)
    wrapper = build(model, dtype='auto')
    with wrapper.optim_context(model):
        assert model(torch.ones(1, 2)).dtype == dtype == wrapper.dtype


def test_accumulated_halves_equal_the_whole_batch() -> None:
    whole, data = model_and_data()
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


def test_clipping_limits_the_update() -> None:
    model, data = model_and_data()
    before = model.weight.detach().clone()
    wrapper = build(model, clip_grad=dict(max_norm=1e-3))
    with wrapper.optim_context(model):
        loss = model(data).float().square().mean() * 1e4
    wrapper.update_params(loss)
    assert 0 < (model.weight - before).norm() <= 0.1 * 1e-3 + 1e-7


@pytest.mark.parametrize('writer', [AutocastOptimWrapper, OptimWrapper])
@pytest.mark.parametrize('reader', [AutocastOptimWrapper, OptimWrapper])
def test_states_are_exchanged_with_full_precision(writer: type, reader: type) -> None:
    model, data = model_and_data()
    source = writer(optimizer=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    source.update_params(model(data).square().mean())
    target = reader(optimizer=torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9))
    target.load_state_dict(source.state_dict())
    assert target.get_lr()['lr'] == [0.1]
    assert target.optimizer.state[model.weight]['momentum_buffer'].abs().sum() > 0


def test_a_scalers_state_does_not_disturb() -> None:
    model, _ = model_and_data()
    state = dict(build(model).state_dict(), loss_scaler=dict(scale=2.0))
    build(model).load_state_dict(state)
    assert 'loss_scaler' in state


@pytest.mark.parametrize(('dtype', 'device', 'words'), [
    ('float16', 'cpu', 'float16 trains on CUDA devices only'),
    ('float8', 'cpu', "optim_wrapper.dtype is 'float8'"),
    ('bfloat16', 'meta', 'no mixed precision'),
])
def test_impossible_precisions_are_refused(dtype: str, device: str, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        autocast_dtype(dtype, device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_on_a_gpu(dtype: str) -> None:
    model, data = model_and_data()
    model, data = model.cuda(), data.cuda()
    wrapper = build(model, dtype=dtype, clip_grad=dict(max_norm=1.0))
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        output = model(data)
    assert output.dtype is getattr(torch, dtype)
    wrapper.update_params(output.float().square().mean())
    assert not torch.equal(before, model.weight)
    assert ('loss_scaler' in wrapper.state_dict()) == (dtype == 'float16')
    other = build(model, dtype=dtype)
    other.load_state_dict(wrapper.state_dict())


def test_custom_keys_that_no_parameter_has() -> None:
    model = nn.ModuleDict(dict(backbone=nn.Linear(2, 2), head=nn.Linear(2, 2)))

    def unused(*keys: str) -> list[str]:
        return check_custom_keys(model, dict(paramwise_cfg=dict(custom_keys={key: dict(lr_mult=0.1) for key in keys})))

    assert unused('backbone', 'head.weight', 'bias') == [] and unused('head', 'relative_position') == [
        'relative_position']
    assert check_custom_keys(model, dict(optimizer={})) == []
    with pytest.raises(DistilPoseError, match=r"custom_keys has 'bakbone', .*; did you mean 'backbone'\?"):
        unused('head', 'bakbone')
