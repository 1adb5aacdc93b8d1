from __future__ import annotations

import pytest
import torch
from torch import Tensor

from distilpose.distillation.terms.attention import attention_loss, attention_maps
from tests.devices import on_device


def maps(channels: int = 3, *, seed: int = 0) -> Tensor:
    return torch.randn(2, channels, 4, 5, generator=torch.Generator().manual_seed(seed))


@on_device
def test_hand_computed_value() -> None:
    """Squares of two channels at two pixels: 9 + 7 and 4 + 8 are 16 and 12, of length 20."""
    student = torch.tensor([[[[3.0, 2.0]], [[7 ** 0.5, -8 ** 0.5]]]])
    torch.testing.assert_close(attention_maps(student), torch.tensor([[0.8, 0.6]]))
    assert attention_loss(student, torch.tensor([[[[1.0, 0.0]]]])).item() == pytest.approx((0.2 ** 2 + 0.6 ** 2) / 2)
    twice = attention_loss(student, torch.tensor([[[[1.0, 0.0]]]]), reduction='sum')
    assert twice.item() == pytest.approx(0.2 ** 2 + 0.6 ** 2)
    torch.testing.assert_close(attention_maps(torch.tensor([[[[-3.0, 4.0]]]]), power=1), torch.tensor([[0.6, 0.8]]))


@on_device
def test_identity_and_invariances() -> None:
    assert attention_loss(maps(), maps()).item() == 0
    assert attention_loss(7 * maps(), maps()).item() < 1e-12
    assert attention_loss(maps().repeat(1, 2, 1, 1).neg(), maps()).item() < 1e-12
    assert attention_loss(maps(4), maps(seed=1)).item() > 1e-3


@on_device
def test_channels_of_weight_zero_take_no_part() -> None:
    weights, student = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), maps().requires_grad_()
    loss = attention_loss(student, maps(seed=1), weights=weights)
    loss.backward()
    torch.testing.assert_close(loss, attention_loss(student[:1, :2], maps(seed=1)[:1, :2]) / 2)
    assert student.grad[0, 0].any() and not student.grad[0, 2].any() and not student.grad[1].any()


@on_device
def test_maps_of_zeros_have_finite_gradients() -> None:
    for power in (1, 2):
        student = torch.zeros(2, 3, 4, 5, requires_grad=True)
        attention_loss(student, maps(), power=power).backward()
        assert not student.grad.any()


def test_gradients() -> None:
    student, teacher, weights = maps(4).double().requires_grad_(), maps(4, seed=1).double(), torch.rand(2, 4).double()
    assert torch.autograd.gradcheck(lambda x: attention_loss(x, teacher, weights=weights), student)
