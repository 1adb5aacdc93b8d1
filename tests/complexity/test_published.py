"""The published counters on small modules, and that watching leaves no trace."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from distilpose.complexity import STYLES, ForwardPass, count_macs, count_macs_by_module, count_published
from distilpose.config.models import build_estimator
from tests.networks import INPUT_SIZE, STUDENT

IMAGES = torch.zeros(1, 3, *INPUT_SIZE[::-1])
TOKENS = torch.zeros(1, 10, 16)


def costs(style: str, model: nn.Module, inputs: Tensor) -> float:
    found = count_published(model, inputs, style=STYLES[style])
    return round(found.gmacs * STYLES[style].giga)


@pytest.mark.parametrize(('model', 'expected'), [
    (nn.Conv2d(3, 8, 3, stride=2, padding=1), 32 * 24 * 8 * (27 + 1)),
    (nn.Conv2d(3, 6, 3, padding=1, groups=3, bias=False), 64 * 48 * 6 * 9),
    (nn.BatchNorm2d(3), 2 * 64 * 48 * 3),
    (nn.BatchNorm2d(3, affine=False), 64 * 48 * 3),
    (nn.ReLU(), 64 * 48 * 3),
    (nn.Upsample(scale_factor=2), 4 * 64 * 48 * 3),
    (nn.LayerNorm(48), 0),
    (nn.GELU(), 0),
    (nn.Sequential(nn.ReLU(), nn.ReLU()), 2 * 64 * 48 * 3),
])
def test_mmcv(model: nn.Module, expected: int) -> None:
    assert costs('mmcv', model, IMAGES) == expected


@pytest.mark.parametrize(('model', 'expected'), [
    (nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3), 32 * 24 * 6 * 9),
    (nn.ConvTranspose2d(3, 6, 4, stride=2, padding=1, bias=False), 128 * 96 * 3 * 6 * 16),
    (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Upsample(scale_factor=2)), 0),
])
def test_hrnet(model: nn.Module, expected: int) -> None:
    assert costs('hrnet', model, IMAGES) == expected


def test_hrnet_counts_a_linear_layer_by_the_tokens() -> None:
    assert costs('hrnet', nn.Linear(16, 7), TOKENS) == 10 * 7 * 10
    assert costs('mmcv', nn.Linear(16, 7), TOKENS) == 10 * 16 * 7


def test_hrnet_knows_three_kinds_of_parameters() -> None:
    model = nn.Sequential(nn.Linear(16, 16), nn.LayerNorm(16))
    assert count_published(model, TOKENS, style=STYLES['hrnet']).parameters == 16 * 17


def test_a_module_called_twice_costs_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(16, 16)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.layer(self.layer(tokens))

    for style in STYLES:
        assert costs(style, Twice(), TOKENS) == 2 * costs(style, nn.Linear(16, 16), TOKENS) > 0


@pytest.mark.parametrize('count', [
    lambda model: count_macs(ForwardPass(model), IMAGES),
    lambda model: count_macs_by_module(model, IMAGES),
    lambda model: count_published(ForwardPass(model), IMAGES, style=STYLES['mmcv']),
    lambda model: count_published(ForwardPass(model), IMAGES, style=STYLES['hrnet']),
], ids=['macs', 'by_module', 'mmcv', 'hrnet'])
def test_counting_leaves_the_model_as_it_was(count) -> None:
    model = build_estimator(STUDENT).train()
    model.backbone.eval()  # as a frozen part
    model.backbone.bn2.train()
    before = {name: (module.training, set(vars(module)), len(module._forward_hooks))
              for name, module in model.named_modules()}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    count(model)
    after = {name: (module.training, set(vars(module)), len(module._forward_hooks))
             for name, module in model.named_modules()}
    assert after == before
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize('style', STYLES)
def test_hooks_go_also_when_the_model_fails(style: str) -> None:
    model = nn.Sequential(nn.Linear(16, 16), nn.Linear(5, 5)).train()
    with pytest.raises(RuntimeError):
        count_published(model, TOKENS, style=STYLES[style])
    assert not any(module._forward_hooks for module in model.modules()) and model[0].training
