"""When a copy is made anew."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from distilpose.distillation.teachers import optimised_copy
from distilpose.distillation.teachers.optimised_copy import OptimisedCopy
from tests.devices import on_device
from tests.networks import batch, teacher


def write_to_a_weight(model: Any) -> None:
    model.head.encoder.layers[0].attention.qkv.weight[0, 0] += 1


def write_to_a_statistic(model: Any) -> None:
    model.backbone.bn1.running_var.fill_(0.5)


def load(model: Any) -> None:
    model.load_state_dict(teacher(seed=3).model.state_dict())


def load_other_tensors(model: Any) -> None:
    model.head.load_state_dict(teacher(seed=3).model.head.state_dict(), assign=True)


def move(model: Any) -> None:
    model.double()


def replace_the_head(model: Any) -> None:
    model.head = teacher(seed=3).model.head


def add_a_neck_without_weights(model: Any) -> None:
    model.neck = nn.Identity()


def answer(model: Any) -> None:
    model.head(model.extract_feat(batch()[0]))


def tell_its_weights(model: Any) -> None:
    model.eval().requires_grad_(False)
    teacher().model.load_state_dict(model.state_dict())


CHANGES = [write_to_a_weight, write_to_a_statistic, load, load_other_tensors, move, replace_the_head,
           add_a_neck_without_weights]


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """All copies that were made, which are none that could answer."""
    copies: list[object] = []

    def make(model: Any, **_: Any) -> object:
        copies.append(object())
        return copies[-1]

    monkeypatch.setattr(optimised_copy, 'optimise_for_inference', make)
    with torch.no_grad():
        yield copies


@pytest.mark.parametrize('change', CHANGES)
def test_a_change_makes_a_new_copy(change: Callable[[Any], None], made: list[object]) -> None:
    copy = OptimisedCopy(teacher().model)
    first = copy.current()
    change(copy.model)
    assert copy.current() is not first and copy.current() is made[1] and len(made) == 2


@on_device
@pytest.mark.parametrize('work', [answer, tell_its_weights])
def test_what_leaves_the_network_as_it_is_does_not(work: Callable[[Any], None], made: list[object]) -> None:
    copy = OptimisedCopy(teacher().model)
    first = copy.current()
    work(copy.model)
    assert copy.current() is first and len(made) == 1


@on_device
def test_a_forgotten_copy_is_made_again(made: list[object]) -> None:
    copy = OptimisedCopy(teacher().model)
    copy.current()
    copy.forget()
    assert copy.current() is made[1]


@on_device
def test_threads_wait_for_one_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[object] = []

    def make(model: Any, **_: Any) -> object:
        time.sleep(0.05)
        copies.append(object())
        return copies[-1]

    monkeypatch.setattr(optimised_copy, 'optimise_for_inference', make)
    copy = OptimisedCopy(teacher().model)
    with ThreadPoolExecutor(4) as pool:
        assert {pool.submit(copy.current).result() for _ in range(2)} == set(copies)
        write_to_a_weight(copy.model)
        found = [future.result() for future in [pool.submit(copy.current) for _ in range(4)]]
    assert len(copies) == 2 and set(found) == {copies[1]}


@on_device
def test_a_thread_that_forgets_takes_nothing_from_one_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    copy, count = OptimisedCopy(teacher().model), optimised_copy._changes
    first = copy.current()
    monkeypatch.setattr(optimised_copy, '_changes', lambda tensor: (copy.forget(), count(tensor))[1])
    assert copy.current() is first


@on_device
def test_it_can_be_pickled_and_copied(made: list[object]) -> None:
    first = OptimisedCopy(teacher().model, dtype='bfloat16')
    first.current()
    for twin in (pickle.loads(pickle.dumps(first)), deepcopy(first)):
        assert twin.speed == first.speed and twin.model is not first.model
        assert twin.current() is made[-1] is not made[0]


@on_device
def test_nobody_walks_through_the_network_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes milliseconds for a large one."""
    copy, seen = OptimisedCopy(teacher().model), []
    copy.current()
    walk = nn.Module.named_modules

    def counted(module: nn.Module, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for found in walk(module, *args, **kwargs):
            seen.append(found)
            yield found

    monkeypatch.setattr(nn.Module, 'named_modules', counted)
    copy.current()
    assert 0 < len(seen) < 10 < len(list(copy.model.modules()))
