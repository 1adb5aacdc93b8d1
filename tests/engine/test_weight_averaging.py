from __future__ import annotations

import torch
from mmpose.engine.hooks.ema_hook import ExpMomentumEMA
from mmpose.registry import MODELS
from torch import nn

from distilpose.engine.weight_averaging import ExactExpMomentumEMA

OPTIONS = dict(momentum=0.02, gamma=100)


def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(50, 50)


def test_averages_as_mmposes_does() -> None:
    models = layer(), layer()
    ours, theirs = ExactExpMomentumEMA(models[0], **OPTIONS), ExpMomentumEMA(models[1], **OPTIONS)
    for step in range(20):
        for model, averaged in zip(models, (ours, theirs), strict=True):
            nn.init.constant_(model.weight, step)
            averaged.update_parameters(model)
    assert 0 < ours.module.weight[0, 0] < 19
    torch.testing.assert_close(ours.module.weight, theirs.module.weight)


def test_a_constant_stays_to_the_bit_and_in_mmposes_it_does_not() -> None:
    model = layer()
    ours = MODELS.build(dict(type='mmpose.ExactExpMomentumEMA', model=model, **OPTIONS))
    theirs = ExpMomentumEMA(model, **OPTIONS)
    for _ in range(500):
        ours.update_parameters(model)
        theirs.update_parameters(model)
    assert torch.equal(ours.module.weight, model.weight)
    assert not torch.equal(theirs.module.weight, model.weight)
