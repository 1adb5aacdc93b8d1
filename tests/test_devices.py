"""The helpers for tests on any device."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from distilpose.structures import PoseOutputs
from tests.devices import assert_close, on, tolerance
from tests.networks import batch


def test_what_is_moved(device: torch.device, dtype: torch.dtype) -> None:
    value = dict(outputs=PoseOutputs(coords=torch.rand(1, 2, 2)), values=[torch.arange(2), (torch.rand(1), 'text')])
    moved = on(value, device, dtype)
    assert moved['outputs'].coords.dtype == dtype and moved['outputs'].heatmaps is None
    assert moved['values'][0].dtype == torch.int64 and moved['values'][1][1] == 'text'
    assert {moved['outputs'].coords.device.type, moved['values'][0].device.type} == {device.type}
    assert value['outputs'].coords.dtype == torch.float32
    assert on(nn.Linear(1, 1), device, dtype).weight.dtype == dtype
    samples = on(batch(2)[1], device)
    assert len(samples) == 2 and samples[0].gt_instance_labels.keypoint_weights.device.type == device.type


def test_tolerances_follow_the_type() -> None:
    types = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    shares = [tolerance(dtype)['rtol'] for dtype in types]
    assert shares == sorted(shares) and tolerance(torch.float32, 'cuda')['rtol'] >= 1e-5


def test_close(device: torch.device, dtype: torch.dtype) -> None:
    ones = on(torch.ones(3), device, dtype)
    assert_close(ones * (1 + torch.finfo(dtype).eps), 1.0)
    with pytest.raises(AssertionError):
        assert_close(ones + 0.2, torch.ones(3))
