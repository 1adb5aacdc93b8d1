"""The optimizer wrapper with mixed precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from distilpose.engine.mixed_precision import autocast_dtype, check_custom_keys
from distilpose.errors import DistilPoseError
from distilpose.models import fast_settings
from tests.engine.test_optim import build, model_and_data


def test_forward_runs_in_bfloat16_and_gradients_are_float32(device: torch.device) -> None:
    model, data = model_and_data(device)
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


@pytest.mark.parametrize(('dtype', 'device', 'words'), [
    ('float16', 'cpu', 'float16 trains on CUDA devices only'),
    ('float8', 'cpu', "optim_wrapper.dtype is 'float8'"),
    ('bfloat16', 'meta', 'no mixed precision'),
])
def test_impossible_precisions_are_refused(dtype: str, device: str, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        autocast_dtype(dtype, device)


def test_custom_keys_that_no_parameter_has() -> None:
    model = nn.ModuleDict(dict(backbone=nn.Linear(2, 2), head=nn.Linear(2, 2)))

    def unused(*keys: str) -> list[str]:
        return check_custom_keys(model, dict(paramwise_cfg=dict(custom_keys={key: dict(lr_mult=0.1) for key in keys})))

    assert unused('backbone', 'head.weight', 'bias') == [] and unused('head', 'relative_position') == [
        'relative_position']
    assert check_custom_keys(model, dict(optimizer={})) == []
    with pytest.raises(DistilPoseError, match=r"custom_keys has 'bakbone', .*; did you mean 'backbone'\?"):
        unused('head', 'bakbone')
