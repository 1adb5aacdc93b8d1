from __future__ import annotations

import pytest
import torch
from torch import Tensor

from distilpose.distillation.terms.correlation import (
    DistributionRelationTerm,
    class_relation_loss,
    instance_relation_loss,
    pearson_loss,
    standardised,
)
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels

from .test_simcc import outputs


def maps(*, seed: int = 0) -> Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed))


def probabilities(*, seed: int = 0) -> Tensor:
    return (3 * torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(seed))).softmax(-1)


def correlation(one: Tensor, other: Tensor) -> float:
    """Pearson's, of two vectors."""
    one, other = one.flatten() - one.mean(), other.flatten() - other.mean()
    return float(one @ other / (one.norm() * other.norm()))


@on_device
def test_pkd_written_out() -> None:
    expected = sum(1 - correlation(maps()[:, k], maps(seed=1)[:, k]) for k in range(3)) / 3
    assert pearson_loss(maps(), maps(seed=1)).item() == pytest.approx(expected, rel=1e-5)


@on_device
def test_dist_written_out() -> None:
    """Each row along its bins; each bin along the joints and samples."""
    student, teacher = probabilities(), probabilities(seed=1)
    rows = [1 - correlation(student[b, k], teacher[b, k]) for b in range(4) for k in range(3)]
    bins = [1 - correlation(student[..., n], teacher[..., n]) for n in range(6)]
    assert instance_relation_loss(student, teacher).item() == pytest.approx(sum(rows) / len(rows), rel=1e-4)
    assert class_relation_loss(student, teacher).item() == pytest.approx(sum(bins) / len(bins), rel=1e-4)


@on_device
def test_opposite_vectors_cost_two() -> None:
    row = torch.tensor([[[0.1, 0.2, 0.7]]])
    assert instance_relation_loss(row, 1 - row).item() == pytest.approx(2, rel=1e-4)
    assert instance_relation_loss(row, torch.tensor([[[0.3, 0.0, 0.7]]])).item() == pytest.approx(
        1 - correlation(row, torch.tensor([0.3, 0.0, 0.7])), rel=1e-4)


@on_device
def test_identity_and_affine_invariance() -> None:
    scale, shift = torch.rand(1, 3, 1, 1) + 0.5, torch.randn(1, 3, 1, 1)
    assert pearson_loss(maps(), maps()).item() == 0
    assert pearson_loss(scale * maps() + shift, maps()).item() < 1e-9
    student, scale, shift = probabilities(), torch.rand(4, 3, 1) + 0.5, torch.randn(4, 3, 1)
    assert instance_relation_loss(scale * student + shift, student).item() < 1e-9
    scale, shift = torch.rand(6) + 0.5, torch.randn(6)
    assert class_relation_loss(scale * student + shift, student).item() < 1e-9
    assert class_relation_loss(student, student).item() == instance_relation_loss(student, student).item() == 0


@on_device
def test_what_is_constant_has_no_correlation_and_finite_gradients() -> None:
    student = torch.ones(2, 3, 4, 5, requires_grad=True)
    pearson_loss(student, maps()).backward()
    assert torch.isfinite(student.grad).all()
    assert pearson_loss(student, torch.zeros(2, 3, 4, 5)).item() == 0
    assert standardised(torch.full((4,), 0.3), dim=(0,)).abs().max() < 0.1
    single = probabilities()[:1, :1].requires_grad_()
    alone = class_relation_loss(single, probabilities(seed=1)[:1, :1])
    alone.backward()
    assert alone.item() == 0 and not single.grad.any()  # one row relates to no other


@on_device
def test_weights_of_zero_take_no_part() -> None:
    weights, student, teacher = torch.ones(4, 3), probabilities().requires_grad_(), probabilities(seed=1)
    weights[2:] = 0
    for loss in (instance_relation_loss, class_relation_loss):
        found = loss(student, teacher, weights=weights)
        torch.testing.assert_close(found, loss(student[:2], teacher[:2]) / 2)
        (gradient,) = torch.autograd.grad(found, student)
        assert not gradient[2:].any() and gradient[:2].any()
        assert loss(student, teacher, weights=0 * weights).item() == 0
    torch.testing.assert_close(pearson_loss(maps(), maps(seed=1), weights=torch.tensor([[1.0] * 3, [0.0] * 3])),
                               pearson_loss(maps()[:1], maps(seed=1)[:1]) / 2)


def test_gradients() -> None:
    student, teacher = (maps(seed=seed)[..., :2, :2].double() for seed in (0, 1))
    weights, student = torch.rand(2, 3).double(), student.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pearson_loss(x, teacher, weights=weights), student)
    rows, target = probabilities().double().requires_grad_(), probabilities(seed=1).double()
    weights = torch.rand(4, 3).double()
    for loss in (instance_relation_loss, class_relation_loss):
        assert torch.autograd.gradcheck(lambda x, loss=loss: loss(x, target, weights=weights), rows)


@on_device
def test_the_term_sums_axes_and_relations() -> None:
    student, teacher, weights = outputs(), outputs(seed=1), torch.ones(2, 3)
    weights[0, 1] = 0
    found = DistributionRelationTerm(inter=2, intra=3, temperature=2, beta=4)(student, teacher, labels(weights))
    pairs = [((2 * one).softmax(-1), (2 * other).softmax(-1))
             for one, other in zip(student.simcc, teacher.simcc, strict=True)]
    expected = 4 * sum(2 * instance_relation_loss(*pair, weights=weights)
                       + 3 * class_relation_loss(*pair, weights=weights) for pair in pairs)
    torch.testing.assert_close(found, expected)
    assert DistributionRelationTerm()(student, student, labels(weights)).item() == 0
    finer = outputs(bins=(24, 32))
    assert torch.isfinite(DistributionRelationTerm()(student, finer, labels(weights)))
    assert 'more than 4 times as many' in DistributionRelationTerm().mismatch(student, outputs(bins=(12, 80)))


@pytest.mark.parametrize('options, sentence', [
    (dict(inter=0, intra=0), 'got inter=0 and intra=0; expected weights that are not negative, one of them above 0'),
    (dict(intra=-1), 'got inter=1.0 and intra=-1'), (dict(temperature=0), 'got temperature=0; expected a number above'),
    (dict(beta=float('nan')), 'beta is nan'), (dict(weights='all'), "got weights='all'; expected one of")])
def test_refusals(options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=f'DistributionRelationTerm.*{sentence}'):
        DistributionRelationTerm(**options)


@on_device
def test_a_mask_of_the_teacher_counts_whatever_the_labels() -> None:
    student = PoseOutputs(simcc=tuple(logits.requires_grad_() for logits in outputs().simcc))
    masked = labels(torch.zeros(2, 3))._replace(mask=torch.tensor([[1.0, 0.0, 1.0]] * 2))
    DistributionRelationTerm(weights='none')(student, outputs(seed=1), masked).backward()
    assert all(not logits.grad[:, 1].any() and logits.grad[:, 0].any() for logits in student.simcc)


def test_a_student_that_follows_it_has_the_teachers_peaks() -> None:
    student = PoseOutputs(simcc=tuple(logits.requires_grad_() for logits in outputs().simcc))
    teacher = PoseOutputs(simcc=tuple(3 * logits for logits in outputs(seed=1).simcc))
    optimizer, term = torch.optim.Adam(student.simcc, 0.1), DistributionRelationTerm()
    for _ in range(200):
        optimizer.zero_grad()
        term(student, teacher, labels(torch.ones(2, 3))).backward()
        optimizer.step()
    assert term(student, teacher, labels(torch.ones(2, 3))).item() < 0.02
    assert all(torch.equal(found.argmax(-1), expected.argmax(-1))
               for found, expected in zip(student.simcc, teacher.simcc, strict=True))
