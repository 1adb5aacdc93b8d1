"""SimCC distillation: the student's logits imitate the teacher's distributions along x and y."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.distillation.schedules import require_numbers
from distilpose.errors import DistilPoseError
from distilpose.models.losses import divergence_from_gaussians
from distilpose.renamed import forward_names
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm

WEIGHTS = ('none', 'gt')
_COARSEST = 4  # teacher bins to one of the student: the usual sigma of labels is six bins

__getattr__ = forward_names(__name__, {'axis_loss': 'distilpose.distillation.terms.simcc.simcc_loss'})


def check_weights(term: str, weights: str) -> None:
    """Refuses an unknown value of ``weights``.

    Raises:
        DistilPoseError: names the term.
    """
    if weights not in WEIGHTS:
        raise DistilPoseError(f'{term} got weights={weights!r}; expected one of {WEIGHTS}')


def simcc_loss(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Divergence from distributions to the softmax of logits: summed over bins, the mean over joints and samples.

    Args:
        logits: (B, K, N).
        targets: (B, K, N), of sum 1, or 0 everywhere for a joint that is not supervised.
        weights: (B, K) or ``None`` for ones; joints of weight 0 count as zeros in the mean.

    Returns:
        A scalar.
    """
    divergence = divergence_from_gaussians(logits, targets)
    return (divergence if weights is None else divergence * weights).mean()


def resample_bins(profile: Tensor, bins: int) -> Tensor:
    """A distribution over the bins of an axis on another number of bins, of sum 1.

    Bin ``i`` of n stands for the fraction ``i / n`` of the side on either grid.

    Args:
        profile: (B, K, cells), at least 0; all zeros stay so.
        bins: of the result.

    Returns:
        (B, K, bins), linear between cells; border values beyond the last cell.
    """
    values = interpolate_bins(profile, bins)
    return values / values.sum(dim=-1, keepdim=True).clamp(min=1e-6)


def interpolate_bins(values: Tensor, bins: int) -> Tensor:
    """Values in the bins of an axis, (B, K, cells), on another number of bins, as :func:`resample_bins`.

    Of any sum; those of this number of bins are returned as they are.
    """
    cells = values.shape[-1]
    if cells == bins:
        return values
    place = (torch.arange(bins, dtype=values.dtype, device=values.device) * cells / bins).clamp(max=cells - 1)
    shares = (1 - (place - torch.arange(cells, dtype=values.dtype, device=values.device)[:, None]).abs()).clamp(min=0)
    return values @ shares


def bins_mismatch(student: PoseOutputs, teacher: PoseOutputs) -> str | None:
    """Why a teacher's bins cannot be resampled to the student's, in a sentence, or ``None``."""
    assert student.simcc is not None and teacher.simcc is not None
    found, expected = ([logits.shape[-1] for logits in outputs.simcc or ()] for outputs in (student, teacher))
    if all(theirs <= _COARSEST * own for own, theirs in zip(found, expected, strict=True)):
        return None
    return (f'the student has {found[0]} bins along x and {found[1]} along y, the teacher {expected[0]} and '
            f'{expected[1]}: more than {_COARSEST} times as many, between which its peaks would be lost; give the '
            'student a larger split ratio, or drop the term with None')


@MODELS.register_module()
class SimCCTerm(DistillationTerm):
    """The student's distributions over both axes imitate the teacher's.

    As in DWPose (Yang et al., ICCV workshops 2023, section 3.2): the sum of both axes' Kullback-Leibler divergences
    from ``softmax(beta * teacher)`` to ``softmax(beta * student)``, averaged over joints and samples. The
    distributions of a teacher with other bins are resampled (:func:`resample_bins`).

    Args:
        beta: factor of the logits; the one in the student's task loss, 1 for SimDR's losses and 10 for RTMPose's.
        teacher_beta: factor of the teacher's logits, where its task loss had another one; ``beta`` by default.
        weights: ``'none'``, as published: all joints are supervised, labelled or not; ``'gt'``: labelled joints, and
            all joints of an image without annotations.
        **kwargs: as :class:`DistillationTerm`.
    """

    student_fields = teacher_fields = ('simcc',)

    def __init__(self, *, beta: float = 1.0, teacher_beta: float | None = None, weights: str = 'none',
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beta, self.teacher_beta = beta, beta if teacher_beta is None else teacher_beta
        require_numbers('SimCCTerm', beta=beta, teacher_beta=self.teacher_beta)
        check_weights(type(self).__name__, weights)
        self.weights = weights

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The student's bins must not skip the teacher's peaks."""
        return bins_mismatch(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        assert student.simcc is not None and teacher.simcc is not None
        weights = labels.distillation_weights() if self.weights == 'gt' else labels.mask
        along_x, along_y = (simcc_loss(self.beta * logits, self._target(expected, bins=logits.shape[-1]), weights)
                            for logits, expected in zip(student.simcc, teacher.simcc, strict=True))
        return along_x + along_y

    def _target(self, logits: Tensor, *, bins: int) -> Tensor:
        target = (self.teacher_beta * logits).softmax(dim=-1)
        return target if target.shape[-1] == bins else resample_bins(target, bins)
