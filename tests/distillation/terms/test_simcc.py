from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from distilpose.distillation.terms import SimCCTerm
from distilpose.distillation.terms.simcc import resample_bins
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import in_dtype, on_device
from tests.distillation.labels import labels


def outputs(*, bins: tuple[int, int] = (12, 16), seed: int = 0) -> PoseOutputs:
    generator = torch.Generator().manual_seed(seed)
    return PoseOutputs(simcc=tuple(torch.randn(2, 3, n, generator=generator) for n in bins))


@on_device
def test_published_values_and_gradients(shared: Path) -> None:
    """DWPose's logit loss with its beta of 10, and with 1; the weights of the joints do not matter."""
    with np.load(shared / 'parity' / 'dwpose_losses.npz') as file:
        given = {name: torch.as_tensor(file[name]) for name in ('ls_x', 'ls_y', 'lt_x', 'lt_y')}
        values = json.loads(str(file['values']))
    student = given['ls_x'].requires_grad_(), given['ls_y'].requires_grad_()
    teacher = PoseOutputs(simcc=(given['lt_x'], given['lt_y']))
    loss = SimCCTerm(beta=10)(PoseOutputs(simcc=student), teacher, labels(torch.zeros(3, 133)))
    loss.backward()
    assert loss.item() == pytest.approx(values['logit.w1'], rel=1e-5)
    for axis, logits in zip('xy', student, strict=True):
        assert logits.grad.norm().item() == pytest.approx(values[f'logit.w1.grad_{axis}.l2'], rel=1e-4)
    cooler = SimCCTerm()(PoseOutputs(simcc=student), teacher, labels(torch.ones(3, 133)))
    assert cooler.item() == pytest.approx(0.1797213, rel=1e-5)


@in_dtype
def test_is_the_divergence_written_out() -> None:
    student, teacher = outputs(seed=0), outputs(seed=1)

    def divergence(logits: Tensor, taught: Tensor) -> Tensor:
        target = (2 * taught).softmax(-1)
        return (target * (target.log() - (2 * logits).log_softmax(-1))).sum(-1).mean()

    expected = sum(divergence(*pair) for pair in zip(student.simcc, teacher.simcc, strict=True))
    torch.testing.assert_close(SimCCTerm(beta=2)(student, teacher, labels(torch.zeros(2, 3))), expected)


@on_device
def test_zero_when_equal_and_when_shifted() -> None:
    shifted = PoseOutputs(simcc=tuple(logits + 5 for logits in outputs().simcc))
    assert SimCCTerm()(shifted, outputs(), labels(torch.ones(2, 3))).item() == pytest.approx(0, abs=1e-6)


@on_device
def test_networks_of_other_betas_are_compared_by_their_distributions() -> None:
    colder = PoseOutputs(simcc=tuple(logits / 10 for logits in outputs().simcc))
    assert SimCCTerm(beta=10, teacher_beta=1)(colder, outputs(), labels(torch.ones(2, 3))).item() == pytest.approx(
        0, abs=1e-6)
    assert SimCCTerm(beta=10)(colder, outputs(), labels(torch.ones(2, 3))).item() > 0.1
    with pytest.raises(DistilPoseError, match='teacher_beta is nan; expected a finite number'):
        SimCCTerm(teacher_beta=float('nan'))


@in_dtype
def test_ground_truth_weights_leave_unlabelled_joints_alone() -> None:
    student, teacher, weights = outputs(seed=0), outputs(seed=1), torch.ones(2, 3)
    student.simcc[0].requires_grad_()
    weights[0, 1] = 0
    SimCCTerm(weights='gt')(student, teacher, labels(weights)).backward()
    gradient = student.simcc[0].grad
    assert not gradient[0, 1].any() and gradient[1, 1].any()
    with pytest.raises(DistilPoseError, match="SimCCTerm got weights='visible'"):
        SimCCTerm(weights='visible')


def gaussians(bins: tuple[int, int], *, sigma: float = 1 / 32) -> PoseOutputs:
    """Logits of gaussians at the same places on any number of bins; sigma is a fraction of the side."""
    places = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(4)) * 0.5 + 0.25
    return PoseOutputs(simcc=tuple(-0.5 * ((torch.arange(n) / n - places[..., axis:axis + 1]) / sigma) ** 2
                                   for axis, n in enumerate(bins)))


@in_dtype
@pytest.mark.parametrize('bins', [(288, 384), (576, 768), (144, 192)])
def test_other_numbers_of_bins_are_resampled(bins: tuple[int, int]) -> None:
    student, teacher = gaussians((288, 384)), gaussians(bins)
    assert SimCCTerm().mismatch(student, teacher) is None
    assert SimCCTerm()(student, teacher, labels(torch.ones(2, 3))).item() == pytest.approx(0, abs=1e-3)


@in_dtype
def test_every_second_bin_is_exact() -> None:
    wide = gaussians((48, 64)).simcc[0].softmax(-1)
    torch.testing.assert_close(resample_bins(wide, 24), wide[..., ::2] / wide[..., ::2].sum(-1, keepdim=True))


@in_dtype
def test_far_finer_bins_are_refused() -> None:
    assert SimCCTerm().mismatch(outputs(), outputs()) is None
    assert '12 bins along x and 16 along y, the teacher 60 and 16: more than 4 times' in SimCCTerm().mismatch(
        outputs(), outputs(bins=(60, 16)))
