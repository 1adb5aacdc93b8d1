"""Eval mode for a while."""

from __future__ import annotations

import pytest
from torch import nn

from distilpose.models.modes import eval_mode


def fail(model: nn.Module) -> None:
    with eval_mode(model):
        assert not any(module.training for module in model.modules())
        raise ValueError('a fault')


def test_every_module_has_its_mode_back() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm2d(3))).train()
    model[1].eval()
    with pytest.raises(ValueError, match='a fault'):
        fail(model)
    assert [module.training for module in model.modules()] == [True, True, False, False]
