from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from distilpose.distillation.terms.logits import (
    DecoupledTerm,
    StandardisedLogitTerm,
    decoupled_divergences,
    standardised_logits,
)
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels

from .test_simcc import gaussians, outputs


def logits(*, seed: int = 0) -> Tensor:
    return 3 * torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(seed))


def divergence(student: Tensor, teacher: Tensor) -> Tensor:
    target = teacher.softmax(-1)
    return (target * (target.log() - student.log_softmax(-1))).sum(-1)


@on_device
def test_decoupled_parts_written_out() -> None:
    """By the paper's probabilities: of the target, of all others, and of each other among the others."""
    student, teacher = logits(), logits(seed=1)
    classes = teacher.argmax(-1)
    first, second = decoupled_divergences(student, teacher, classes)
    for b in range(2):
        for k in range(3):
            own, theirs = student[b, k].softmax(-1), teacher[b, k].softmax(-1)
            c = int(classes[b, k])
            p, q = theirs[c], own[c]
            assert first[b, k].item() == pytest.approx(
                (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).item(), rel=1e-3, abs=1e-6)
            others = [n for n in range(7) if n != c]
            expected = sum(theirs[n] / (1 - p) * ((theirs[n] / (1 - p)) / (own[n] / (1 - q))).log() for n in others)
            assert second[b, k].item() == pytest.approx(expected.item(), rel=1e-3, abs=1e-6)


@on_device
def test_the_parts_make_up_the_divergence() -> None:
    student, teacher, classes = logits(), logits(seed=1), torch.randint(0, 7, (2, 3))
    first, second = decoupled_divergences(student, teacher, classes)
    others = 1 - teacher.softmax(-1).gather(-1, classes[..., None])[..., 0]
    torch.testing.assert_close(first + others * second, divergence(student, teacher))


@on_device
def test_identity_and_logits_far_apart() -> None:
    first, second = decoupled_divergences(logits() + 5, logits(), logits().argmax(-1))
    assert first.abs().max() < 1e-6 and second.abs().max() < 1e-6
    student = (200 * logits()).requires_grad_()  # one class has everything
    parts = decoupled_divergences(student, 200 * logits(seed=1), logits(seed=1).argmax(-1))
    sum(part.sum() for part in parts).backward()
    assert torch.isfinite(student.grad).all()


def test_gradients() -> None:
    student, teacher = (logits(seed=seed)[:1, :2, :5].double() for seed in (0, 1))
    classes, student = torch.tensor([[0, 3]]), student.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: decoupled_divergences(x, teacher, classes), student)
    assert torch.autograd.gradcheck(standardised_logits, student)


@on_device
def test_the_target_of_the_decoupled_term_is_the_teachers_peak() -> None:
    student, teacher, weights = outputs(), outputs(seed=1), torch.ones(2, 3)
    weights[1, 0] = 0
    found = DecoupledTerm(target_weight=2, other_weight=3, temperature=2, beta=6)(student, teacher, labels(weights))
    expected = 0
    for one, other in zip(student.simcc, teacher.simcc, strict=True):
        first, second = decoupled_divergences(3 * one, 3 * other, other.argmax(-1))
        expected = expected + 4 * ((2 * first + 3 * second) * weights).mean()
    torch.testing.assert_close(found, expected)


@on_device
def test_standardised_by_hand() -> None:
    """1, 2, 6 have the mean 3 and the standard deviation sqrt(7)."""
    expected = torch.tensor([-2.0, -1.0, 3.0]) / 7 ** 0.5
    torch.testing.assert_close(standardised_logits(torch.tensor([1.0, 2.0, 6.0])), expected)
    assert not standardised_logits(torch.full((4,), 2.0)).any()


@on_device
def test_standardised_logits_are_compared_whatever_their_mean_and_scale() -> None:
    student, teacher = outputs(), outputs(seed=1)
    moved = PoseOutputs(simcc=tuple(3 * values + torch.randn(2, 3, 1) for values in teacher.simcc))
    term = StandardisedLogitTerm()
    assert term(moved, teacher, labels(torch.ones(2, 3))).item() == pytest.approx(0, abs=1e-6)
    pairs = [[standardised_logits(values) / 2 for values in pair]
             for pair in zip(student.simcc, teacher.simcc, strict=True)]
    torch.testing.assert_close(term(student, teacher, labels(torch.ones(2, 3))),
                               4 * sum(divergence(*pair).mean() for pair in pairs))


@on_device
@pytest.mark.parametrize('make', [DecoupledTerm, StandardisedLogitTerm])
def test_weights_masks_and_other_bins(make) -> None:
    student = PoseOutputs(simcc=tuple(values.requires_grad_() for values in outputs().simcc))
    weights = torch.ones(2, 3)
    weights[0, 1] = 0
    make()(student, outputs(seed=1), labels(weights)).backward()
    assert all(not values.grad[0, 1].any() and values.grad[1, 1].any() for values in student.simcc)
    masked = labels(torch.zeros(2, 3))._replace(mask=torch.ones(2, 3))
    assert make(weights='none')(student, outputs(seed=1), masked).item() > 0
    assert make()(student, outputs(seed=1), masked).item() == 0
    finer = make()(gaussians((96, 128)), gaussians((192, 256)), labels(torch.ones(2, 3)))
    assert finer.item() == pytest.approx(0, abs=2e-2)
    assert 'more than 4 times as many' in make().mismatch(student, outputs(bins=(60, 16)))
    assert math.isfinite(make()(student, outputs(bins=(5, 40)), labels(weights)).item())


@pytest.mark.parametrize('make, options, sentence', [
    (DecoupledTerm, dict(target_weight=0, other_weight=0), 'got target_weight=0 and other_weight=0; expected weights'),
    (DecoupledTerm, dict(other_weight=float('nan')), 'other_weight is nan'),
    (DecoupledTerm, dict(temperature=-1), 'got temperature=-1; expected a number above 0'),
    (DecoupledTerm, dict(beta=0), 'got beta=0; expected a number above 0'),
    (DecoupledTerm, dict(teacher_beta=-10), 'got teacher_beta=-10; expected a number above 0'),
    (DecoupledTerm, dict(weights='labels'), "got weights='labels'"),
    (StandardisedLogitTerm, dict(temperature=0), 'got temperature=0; expected a number above 0'),
    (StandardisedLogitTerm, dict(weights='labels'), "got weights='labels'")])
def test_refusals(make, options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        make(**options)


@pytest.mark.parametrize('make', [DecoupledTerm, StandardisedLogitTerm])
def test_a_student_that_follows_it_gets_the_teachers_distribution(make) -> None:
    """Up to the scale of the logits where they are standardised."""
    student = PoseOutputs(simcc=tuple(values.requires_grad_() for values in outputs().simcc))
    teacher, term = outputs(seed=1), make()
    optimizer = torch.optim.Adam(student.simcc, 0.1)
    for _ in range(200):
        optimizer.zero_grad()
        term(student, teacher, labels(torch.ones(2, 3))).backward()
        optimizer.step()
    for found, expected in zip(student.simcc, teacher.simcc, strict=True):
        torch.testing.assert_close(standardised_logits(found), standardised_logits(expected), atol=0.02, rtol=0)
        if make is DecoupledTerm:
            torch.testing.assert_close(found.softmax(-1), expected.softmax(-1), atol=2e-3, rtol=0)
