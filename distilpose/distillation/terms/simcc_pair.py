"""SimCC pair: logits of student and teacher on the same bins, for the terms that compare those."""

from __future__ import annotations

from torch import Tensor

from distilpose.distillation.schedules import require_numbers
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .simcc import bins_mismatch, check_weights, interpolate_bins


class SimCCPair:
    """Reads the SimCC logits of both networks, multiplied by their betas and divided by a temperature.

    The logits of a teacher with other bins are interpolated; bin ``i`` of n stands for the fraction ``i / n``.

    Args:
        term: name of the term's class, for messages.
        beta: factor of the logits; the one in the student's task loss, 1 for SimDR's losses and 10 for RTMPose's.
        teacher_beta: factor of the teacher's logits, where its task loss had another one; ``beta`` by default.
        weights: ``'gt'``: labelled joints are supervised, and all joints of an image without annotations;
            ``'none'``: all joints.
        temperature: divides the logits of both.

    Raises:
        DistilPoseError: a number is out of range, or ``weights`` is something else.
    """

    def __init__(self, term: str, *, beta: float = 1.0, teacher_beta: float | None = None, weights: str = 'gt',
                 temperature: float = 1.0) -> None:
        betas = dict(beta=beta, teacher_beta=beta if teacher_beta is None else teacher_beta)
        require_numbers(term, **betas, temperature=temperature)
        wrong = [f'{name}={value}' for name, value in dict(betas, temperature=temperature).items() if value <= 0]
        if wrong:
            raise DistilPoseError(f'{term} got {wrong[0]}; expected a number above 0')
        check_weights(term, weights)
        self.factors = tuple(value / temperature for value in betas.values())
        self.weights = weights

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The student's bins must not skip the teacher's peaks."""
        return bins_mismatch(student, teacher)

    def read(self, student: PoseOutputs, teacher: PoseOutputs) -> list[tuple[Tensor, Tensor]]:
        """Logits of both, (B, K, N) each, along x and along y; the student's have gradients."""
        assert student.simcc is not None and teacher.simcc is not None
        own, theirs = self.factors
        return [(own * logits, interpolate_bins(theirs * expected, logits.shape[-1]))
                for logits, expected in zip(student.simcc, teacher.simcc, strict=True)]

    def weigh(self, labels: Labels) -> Tensor | None:
        """(B, K) weights of joints, ``None`` for ones."""
        return labels.distillation_weights() if self.weights == 'gt' else labels.mask
