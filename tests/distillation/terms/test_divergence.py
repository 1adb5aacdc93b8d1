from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from distilpose.distillation.terms.divergence import channel_divergence, pixel_divergence
from tests.devices import in_dtype, on_device

BOTH = pytest.mark.parametrize('loss', [channel_divergence, pixel_divergence])


def maps(*, seed: int = 0) -> Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed))


@on_device
def test_hand_computed_values() -> None:
    """Two pixels, or two channels, of probabilities 1/2, 1/2 and 3/4, 1/4; twice the logits at temperature 2."""
    even, uneven = torch.zeros(2), torch.tensor([math.log(3), 0.0])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    shapes = (channel_divergence, (1, 1, 1, 2)), (pixel_divergence, (1, 2, 1, 1))
    for loss, shape in shapes:
        assert loss(even.view(shape), uneven.view(shape)).item() == pytest.approx(expected, rel=1e-5)
        assert loss(even.view(shape), 2 * uneven.view(shape), temperature=2).item() == pytest.approx(
            4 * expected, rel=1e-5)


@in_dtype
def test_written_out() -> None:
    student, teacher = maps(), maps(seed=1)
    own, target = ((values / 3).flatten(2).softmax(-1) for values in (student, teacher))
    torch.testing.assert_close(channel_divergence(student, teacher, temperature=3),
                               9 * (target * (target / own).log()).sum(-1).mean())
    own, target = ((values / 3).softmax(1) for values in (student, teacher))
    torch.testing.assert_close(pixel_divergence(student, teacher, temperature=3),
                               9 * (target * (target / own).log()).sum(1).mean())


@on_device
@BOTH
def test_identity_and_invariance(loss) -> None:
    assert loss(maps(), maps()).item() == pytest.approx(0, abs=1e-7)
    shift = torch.randn(2, 3, 1, 1) if loss is channel_divergence else torch.randn(2, 1, 4, 5)
    assert loss(maps() + 4 * shift, maps()).item() == pytest.approx(0, abs=1e-6)
    other = torch.randn(2, 1, 4, 5) if loss is channel_divergence else torch.randn(2, 3, 1, 1)
    assert loss(maps() + other, maps()).item() > 1e-2


@on_device
def test_channels_of_weight_zero_take_no_part() -> None:
    weights, student, teacher = torch.ones(2, 3), maps().requires_grad_(), maps(seed=1)
    weights[0, 2], weights[1] = 0, 0.5
    expected = channel_divergence(student[:1, :2], teacher[:1, :2]) / 3 + 0.25 * channel_divergence(
        student[1:], teacher[1:])
    torch.testing.assert_close(channel_divergence(student, teacher, weights=weights), expected)
    expected = pixel_divergence(student[:1, :2], teacher[:1, :2]) / 2 + 0.25 * pixel_divergence(
        student[1:], teacher[1:])
    torch.testing.assert_close(pixel_divergence(student, teacher, weights=weights), expected)
    for loss in (channel_divergence, pixel_divergence):
        (gradient,) = torch.autograd.grad(loss(student, teacher, weights=weights), student)
        assert gradient[0, 2].abs().max() < 1e-20 and gradient[0, 1].any() and torch.isfinite(gradient).all()
        assert loss(student, teacher, weights=torch.zeros(2, 3)).item() == 0
        teacher_with_a_peak = teacher.clone()
        teacher_with_a_peak[0, 2] = 20.0
        found = [loss(student, target, temperature=0.1, weights=weights) for target in (teacher, teacher_with_a_peak)]
        torch.testing.assert_close(found[1], found[0])


@BOTH
def test_gradients(loss) -> None:
    student, teacher = (maps(seed=seed)[..., :2, :2].double() for seed in (0, 1))
    weights, student = torch.rand(2, 3).double(), student.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, teacher, temperature=2, weights=weights), student)
