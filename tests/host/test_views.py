"""Views of objects: other attributes for a call, the object's own state, and the object as it was."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from distilpose.host.views import view_of


class Doubling(nn.Module):
    """Calls its method by name, as the heads of mmpose do, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.calls = 0
        self.register_buffer('last', torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x

    def loss(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = x
        return self.forward(x).sum() + self(x).sum()


class Unwritten(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x

    def loss(self, x: Tensor) -> Tensor:
        return self.forward(x).sum()


def test_methods_run_with_the_views_attributes_and_the_object_keeps_its_own() -> None:
    module = Doubling()
    before = dict(vars(module))
    view = view_of(module, forward=torch.neg)
    assert vars(module) == before
    assert view.loss(torch.ones(3)) == -6 and module.loss(torch.ones(3)) == 12
    assert isinstance(view, Doubling) and type(view).__name__ == 'Doubling' and view.layer is module.layer


def test_it_comes_before_an_attribute_of_the_object() -> None:
    module = Doubling()
    own = module.forward = torch.abs  # such as a compiled one
    assert view_of(module, forward=torch.neg).loss(torch.ones(3)) == -6
    assert module.forward is own and module.loss(-torch.ones(3)) == 6


def test_what_a_method_sets_is_set_on_the_object() -> None:
    module, value = Doubling(), torch.full((3,), 7.0)
    view_of(module, forward=torch.neg).loss(value)
    assert module.calls == 1 and module.last is value


def test_views_do_not_see_each_other() -> None:
    module = Doubling()
    first, second = view_of(module, forward=torch.neg), view_of(module, forward=torch.abs)
    assert first.loss(-torch.ones(3)) == second.loss(-torch.ones(3)) == 6 and type(first) is type(second)


def test_of_a_module_in_the_place_of_a_child() -> None:
    outer = nn.Sequential(Doubling())
    child = view_of(outer[0], forward=torch.neg)
    parent = nn.Module()
    parent.head = outer[0]
    assert view_of(parent, head=child).head is child and parent.head is outer[0]


def test_the_object_can_be_copied_while_there_is_a_view() -> None:
    module = Doubling()
    view = view_of(module, forward=torch.neg)
    twin: Any = copy.deepcopy(module)
    assert twin.loss(torch.ones(3)) == 12 and view.loss(torch.ones(3)) == -6


def test_in_a_compiled_step() -> None:
    """With a backend that only traces, so that no compiler is needed; later steps run what was traced."""
    module = Unwritten()
    counted = CompileCounter()

    def step(x: Tensor) -> Tensor:
        prediction = module(x) + x
        return view_of(module, forward=lambda _: prediction).loss(x) * module.loss(x)

    compiled = torch.compile(step, backend=counted)
    for value in (1.0, 2.0, 3.0):
        x = torch.full((3,), value)
        assert compiled(x) == step(x) == 3 * 3 * value * 3 * 2 * value
    assert counted.frame_count == 2  # before the view is made, and behind that
