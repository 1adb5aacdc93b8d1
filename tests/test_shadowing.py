"""A method that is another one for a while."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from distilpose.shadowing import shadowed


class Doubling(nn.Module):
    """Calls its method by name, as the heads of mmpose do."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x

    def loss(self, x: Tensor) -> Tensor:
        return self.forward(x).sum()


@pytest.mark.parametrize('is_own', [False, True])
def test_the_method_comes_back(is_own: bool) -> None:
    module, before = Doubling(), abs
    if is_own:
        module.forward = before
    with shadowed(module, 'forward', torch.neg):
        assert module.loss(torch.ones(3)) == -3
    with pytest.raises(TypeError), shadowed(module, 'forward', torch.neg):
        module.loss('no number')
    assert vars(module).get('forward') is (before if is_own else None)


def test_of_a_class() -> None:
    with shadowed(Doubling, 'forward', lambda module, x: -x):
        assert Doubling().loss(torch.ones(3)) == -3
    assert Doubling().loss(torch.ones(3)) == 6


def test_in_a_compiled_step() -> None:
    """With a backend that only traces, so that no compiler is needed."""
    module = Doubling()

    def step(x: Tensor) -> Tensor:
        with shadowed(module, 'forward', lambda _: -x):
            shadow = module.loss(x)
        return shadow * module.loss(x)

    assert torch.compile(step, backend='eager')(torch.ones(3)) == step(torch.ones(3)) == -18
