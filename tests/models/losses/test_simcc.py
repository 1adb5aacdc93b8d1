"""Losses of SimDR, and of RTMPose at a reference batch size."""

from __future__ import annotations

import pytest
import torch
from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from distilpose.errors import DistilPoseError
from distilpose.models import ReferenceBatchKLDiscretLoss
from distilpose.models.losses import (
    KLDiscretMeanLoss,
    NMTLoss,
    NMTNormLoss,
    divergence_from_gaussians,
    divergence_from_smoothed_classes,
)
from tests.devices import in_dtype, on_device
from tests.parity.reference import fixture


@pytest.fixture(scope='module')
def given() -> dict[str, Tensor]:
    entries = fixture('simdr_targets_losses_decode')
    return {name.removeprefix('loss_inputs.'): torch.as_tensor(value) for name, value in entries.items()
            if name.startswith('loss_inputs.')}


@pytest.fixture(scope='module')
def values() -> dict[str, float]:
    return {name.removeprefix('losses.'): float(value) for name, value in
            fixture('simdr_targets_losses_decode').items() if name.startswith('losses.')}


@on_device
@pytest.mark.parametrize('smoothing', [0.1, 0.2, 0.4])
@pytest.mark.parametrize('loss, entry', [(NMTLoss, 'NMTCritierion'), (NMTNormLoss, 'NMTNORMCritierion')])
def test_published_values_of_smoothed_classes(loss: type[NMTLoss], entry: str, smoothing: float,
                                              given: dict[str, Tensor], values: dict[str, float]) -> None:
    found = loss(smoothing=smoothing)((given['output_x'], given['output_y']), given['target'].unbind(-1),
                                      given['target_weight'][..., 0])
    assert found.item() == pytest.approx(values[f'{entry}_ls{smoothing}'], rel=1e-5)


@on_device
def test_published_value_of_gaussians(given: dict[str, Tensor], values: dict[str, float]) -> None:
    found = KLDiscretMeanLoss()((given['output_x'], given['output_y']), (given['target_x'], given['target_y']),
                                given['target_weight'][..., 0])
    assert found.item() == pytest.approx(values['KLDiscretLoss'], rel=1e-5)


def random_case(batch: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = tuple(torch.randn(batch, 5, bins, generator=generator).requires_grad_() for bins in (12, 16))
    classes = tuple(torch.randint(bins, (batch, 5), generator=generator) for bins in (12, 16))
    return logits, classes, torch.ones(batch, 5)


@in_dtype
@pytest.mark.parametrize('smoothing', [0.0, 0.3])
def test_divergence_equals_that_of_the_target_written_out(smoothing: float) -> None:
    (logits, _), (classes, _), _ = random_case(3)
    target = torch.full_like(logits, smoothing / 11).scatter(-1, classes.unsqueeze(-1), 1 - smoothing)
    found = divergence_from_smoothed_classes(logits, classes, smoothing=smoothing)
    torch.testing.assert_close(found, divergence_from_gaussians(logits, target))


@in_dtype
def test_without_smoothing_it_is_the_cross_entropy_also_for_one_sample() -> None:
    logits, classes, weights = random_case(1)
    expected = sum(F.cross_entropy(row[0], label[0], reduction='sum')
                   for row, label in zip(logits, classes, strict=True))
    torch.testing.assert_close(NMTLoss(smoothing=0)(logits, classes, weights), expected)
    assert NMTNormLoss(smoothing=0)(logits, classes, weights).item() > 0


@on_device
def test_zero_and_without_gradient_when_the_prediction_is_the_target() -> None:
    (logits, other), _, weights = random_case(2)
    targets = (logits.detach().softmax(-1), other.detach().softmax(-1))
    loss = KLDiscretMeanLoss()((logits, other), targets, weights)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-7) and logits.grad.abs().max() < 1e-7


@in_dtype
def test_the_batch_does_not_change_the_scale() -> None:
    """Twice the same people cost what one of them does; mmpose's loss of SimCC doubles."""
    logits, classes, weights = random_case(2)
    for loss, targets in ((NMTLoss(), classes), (NMTNormLoss(), classes),
                          (KLDiscretMeanLoss(), tuple(row.detach().softmax(-1).flip(0) for row in logits))):
        doubled = loss(tuple(row.repeat(2, 1, 1) for row in logits),
                       tuple(target.repeat(2, *[1] * (target.dim() - 1)) for target in targets), weights.repeat(2, 1))
        torch.testing.assert_close(doubled, loss(logits, targets, weights))


@in_dtype
def test_a_joint_without_weight_has_no_gradient() -> None:
    logits, classes, weights = random_case(2)
    weights[0, 3] = 0
    NMTLoss()(logits, classes, weights).backward()
    assert not logits[0].grad[0, 3].any() and logits[0].grad[1, 3].any()


@in_dtype
def test_gradients() -> None:
    (logits, _), (classes, _), _ = random_case(2)
    target = logits.detach().double().softmax(-1).roll(1, -1)
    double = logits.detach().double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: divergence_from_smoothed_classes(x, classes, smoothing=0.1), double)
    assert torch.autograd.gradcheck(lambda x: divergence_from_gaussians(x, target), double)


def test_smoothing_out_of_range_is_refused() -> None:
    with pytest.raises(DistilPoseError, match=r'smoothing=1.*\[0, 1\)'):
        NMTLoss(smoothing=1)


OPTIONS = dict(use_target_weight=True, beta=10., label_softmax=True)


def case(batch: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Tensor]:
    """The same person as often as asked."""
    generator = torch.Generator().manual_seed(0)
    logits, labels = (tuple(torch.rand(1, 3, bins, generator=generator).expand(batch, -1, -1) for bins in (12, 16))
                      for _ in range(2))
    return logits, labels, torch.tensor([[1., 0., 1.]]).expand(batch, -1)


@in_dtype
def test_is_mmposes_loss_at_the_reference() -> None:
    torch.testing.assert_close(ReferenceBatchKLDiscretLoss(reference_batch=6, **OPTIONS)(*case(6)),
                               KLDiscretLoss(**OPTIONS)(*case(6)))


@in_dtype
def test_does_not_follow_the_batch_as_mmposes_does() -> None:
    loss, original = ReferenceBatchKLDiscretLoss(reference_batch=64, **OPTIONS), KLDiscretLoss(**OPTIONS)
    torch.testing.assert_close(original(*case(64)), 64 * original(*case(1)))
    for batch in (1, 5, 64):
        torch.testing.assert_close(loss(*case(batch)), original(*case(64)))


def test_a_config_can_name_it_and_a_batch_of_nobody_is_refused() -> None:
    loss = MODELS.build(dict(type='ReferenceBatchKLDiscretLoss', reference_batch=32, **OPTIONS))
    assert loss.beta == 10.  # which others read, such as a teacher that draws heatmaps
    with pytest.raises(DistilPoseError, match='reference_batch=0'):
        ReferenceBatchKLDiscretLoss(reference_batch=0)
