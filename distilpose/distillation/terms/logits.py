"""Logit distillation on SimCC: decoupled (DKD), and with standardised logits."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.distillation.schedules import require_numbers, require_weights
from distilpose.errors import DistilPoseError
from distilpose.models.losses import divergence_from_gaussians
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .simcc import simcc_loss
from .simcc_pair import SimCCPair

_EPSILON = 1e-7


def decoupled_divergences(logits: Tensor, teacher: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """The two parts of the Kullback-Leibler divergence from the teacher's softmax to the student's.

    Decoupled knowledge distillation (DKD, Zhao et al., CVPR 2022, section 3; megvii-research/mdistiller). The first is
    the divergence between the probabilities of the target class and of all others together, the second that between the
    distributions over the others alone. With p the teacher's probability of the target, ``first + (1 - p) * second`` is
    the divergence.

    Args:
        logits: (..., N) of the student.
        teacher: (..., N).
        classes: (...) int64, the target class.

    Returns:
        (...) and (...), both at least 0 but for rounding.
    """
    is_target = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, classes[..., None], True)
    at_target, others = zip(*(_split(values, is_target, classes) for values in (logits, teacher)), strict=True)
    binary = divergence_from_gaussians(at_target[0], at_target[1].softmax(dim=-1))
    targets = others[1].softmax(dim=-1)  # exactly 0 at the target class
    return binary, divergence_from_gaussians(others[0], targets)


def _split(logits: Tensor, is_target: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """(..., 2) logits of the target and of all others together, and (..., N) those of the others alone."""
    others = logits.masked_fill(is_target, torch.finfo(logits.dtype).min / 2)
    return torch.stack([logits.gather(-1, classes[..., None])[..., 0], others.logsumexp(dim=-1)], dim=-1), others


def standardised_logits(logits: Tensor) -> Tensor:
    """Logits of a row minus their mean, divided by their standard deviation.

    Logit standardisation (Sun et al., CVPR 2024), with the standard deviation of N - 1 and 1e-7 added to it, as in the
    published code (sunshangquan/logit-standardization-KD).

    Args:
        logits: (..., N).
    """
    return (logits - logits.mean(dim=-1, keepdim=True)) / (logits.std(dim=-1, keepdim=True) + _EPSILON)


@MODELS.register_module()
class DecoupledTerm(DistillationTerm):
    """:func:`decoupled_divergences` of SimCC logits, weighted, the sum over both axes.

    The target class is the bin of the teacher's peak, for every joint: distillation terms get the weights of labels
    and not their places, and images without annotations have none. In DKD it is the class of the label. SimCC is
    trained with distributions around that bin (a gaussian, or label smoothing), so the neighbours of the target belong
    to the second part.

    Args:
        target_weight: of the first part, the paper's alpha.
        other_weight: of the second part, the paper's beta.
        temperature: of the softmaxes, and its square a factor of the loss, as published; 4 on CIFAR, 1 on ImageNet.
        beta: factor of the logits; the one in the student's task loss, 1 for SimDR's losses and 10 for RTMPose's.
        teacher_beta: factor of the teacher's logits; ``beta`` by default.
        weights: ``'gt'``: labelled joints are supervised, and all joints of an image without annotations;
            ``'none'``: all joints.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: a number is out of range, or ``weights`` is something else.
    """

    student_fields = teacher_fields = ('simcc',)

    def __init__(self, *, target_weight: float = 1.0, other_weight: float = 1.0, temperature: float = 1.0,
                 beta: float = 1.0, teacher_beta: float | None = None, weights: str = 'gt', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        require_weights(name, target_weight=target_weight, other_weight=other_weight)
        self.target_weight, self.other_weight, self.temperature = target_weight, other_weight, temperature
        self.pair = SimCCPair(name, beta=beta, teacher_beta=teacher_beta, weights=weights, temperature=temperature)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The student's bins must not skip the teacher's peaks."""
        return self.pair.mismatch(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        weights, losses = self.pair.weigh(labels), []
        for logits, expected in self.pair.read(student, teacher):
            at_target, at_others = decoupled_divergences(logits, expected, expected.argmax(dim=-1))
            divergence = self.target_weight * at_target + self.other_weight * at_others
            losses.append((divergence if weights is None else divergence * weights).mean())
        return self.temperature ** 2 * torch.stack(losses).sum()


@MODELS.register_module()
class StandardisedLogitTerm(DistillationTerm):
    """The Kullback-Leibler divergence between softmaxes of :func:`standardised_logits`, the sum over both axes.

    The student may have logits of any mean and scale: it learns their order and relative distances.

    Args:
        temperature: the base temperature of both softmaxes, and its square a factor of the loss; 2 in the published
            commands.
        weights: ``'gt'``: labelled joints are supervised, and all joints of an image without annotations;
            ``'none'``: all joints.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: the temperature is not above 0, or ``weights`` is something else.
    """

    student_fields = teacher_fields = ('simcc',)

    def __init__(self, *, temperature: float = 2.0, weights: str = 'gt', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_numbers(type(self).__name__, temperature=temperature)
        if temperature <= 0:
            raise DistilPoseError(f'{type(self).__name__} got temperature={temperature}; expected a number above 0')
        self.temperature = temperature
        self.pair = SimCCPair(type(self).__name__, weights=weights)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The student's bins must not skip the teacher's peaks."""
        return self.pair.mismatch(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        weights, losses = self.pair.weigh(labels), []
        for pair in self.pair.read(student, teacher):
            logits, expected = (standardised_logits(values) / self.temperature for values in pair)
            losses.append(simcc_loss(logits, expected.softmax(dim=-1), weights))
        return self.temperature ** 2 * torch.stack(losses).sum()
