"""A device against the CPU: equal on the CPU itself, and different where weights differ."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import nn

from distilpose.benchmark import device_check
from distilpose.benchmark.device_check import Comparison, compare_predictions, compare_step, main
from distilpose.config import load_config

CONFIG = 'configs/quickstart/distilled.py'


def test_a_step_and_predictions_are_equal(device: torch.device) -> None:
    cfg = load_config(CONFIG)
    found = [*compare_predictions(cfg, device), *compare_step(cfg, device)]
    assert all(one.is_equal for one in found), [str(one) for one in found]
    assert {'loss', 'loss_kpt', 'its optimised copy in bfloat16'} <= {one.name for one in found}


def test_other_weights_on_the_device_are_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def changed(module: nn.Module, memo: Any = None) -> nn.Module:
        copied = copy.deepcopy(module, memo)
        for weight in copied.parameters() if isinstance(copied, nn.Module) else ():
            weight.data.add_(0.1)
        return copied

    monkeypatch.setattr(device_check, 'copy', type('Copy', (), dict(deepcopy=staticmethod(changed))))
    assert main([CONFIG, '--device', 'cpu']) == 1
    assert 'DIFFERENT: loss_kpt differs by' in capsys.readouterr().out


def test_what_is_no_number_is_not_equal() -> None:
    assert not Comparison('loss', math.nan, 1.0).is_equal and Comparison('loss', 0.5, 1.0).is_equal


def test_an_unknown_device(capsys: pytest.CaptureFixture) -> None:
    assert main([CONFIG, '--device', 'tpu']) == 2
    assert "--device is 'tpu'; expected" in capsys.readouterr().err
