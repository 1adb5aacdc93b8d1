"""Correlation distillation: Pearson correlations of feature maps or heatmaps (PKD) and of distributions (DIST)."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from distilpose.distillation.schedules import require_weights
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .map_pair import MapPair
from .simcc_pair import SimCCPair

_EPSILON = 1e-6
"""Standard deviations far below it count as none."""
_TINY = 1e-12


def standardised(values: Tensor, *, dim: tuple[int, ...], weights: Tensor | None = None) -> Tensor:
    """Values of mean 0 and standard deviation 1 along some dimensions; constant ones become 0.

    Args:
        values: of any shape.
        dim: of the mean.
        weights: broadcast to ``values``, of the mean; ``None`` for ones.
    """
    shares = torch.ones_like(values) if weights is None else weights.expand_as(values)
    total = shares.sum(dim, keepdim=True).clamp(min=_TINY)
    centred = values - (shares * values).sum(dim, keepdim=True) / total
    variance = (shares * centred.square()).sum(dim, keepdim=True) / total
    return centred / (variance + _EPSILON ** 2).sqrt()


def correlation_distance(student: Tensor, teacher: Tensor, *, dim: tuple[int, ...],
                         weights: Tensor | None = None) -> Tensor:
    """Half of the mean squared difference of standardised values: ``1 - r`` with Pearson's correlation r.

    Equal up to 1e-6 in the standard deviation. Affine changes of either side with a positive factor, along ``dim``,
    change nothing.

    Args:
        student: of any shape.
        teacher: of the same shape.
        dim: along which values are correlated.
        weights: broadcast to them, ``None`` for ones; what has the weight 0 counts as zeros in the mean.

    Returns:
        A scalar.
    """
    found, expected = (standardised(values, dim=dim, weights=weights) for values in (student, teacher))
    difference = (found - expected).square()
    return 0.5 * (difference if weights is None else difference * weights).mean()


def pearson_loss(student: Tensor, teacher: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """One minus the correlation of each channel over the samples and pixels of the batch, the mean over channels.

    PKD (Cao et al., NeurIPS 2022): features are standardised, each channel over the batch, and compared by the squared
    error. Its published code (open-mmlab/mmrazor, ``PKDLoss``) has the factor 1 / 2, too, and the standard deviation of
    N - 1, which differs by 1 / N.

    Args:
        student: (B, C, H, W).
        teacher: of the same shape.
        weights: (B, C) of the channels of a sample, ``None`` for ones.

    Returns:
        A scalar.
    """
    return correlation_distance(student, teacher, dim=(0, 2, 3),
                                weights=None if weights is None else weights[:, :, None, None])


def instance_relation_loss(student: Tensor, teacher: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """One minus the correlation over the bins of each distribution: DIST's inter-class relation.

    DIST (Huang et al., NeurIPS 2022; hunto/DIST_KD). A bin is a class; an instance is one axis of one joint of one
    sample.

    Args:
        student: (B, K, N) probabilities.
        teacher: (B, K, N).
        weights: (B, K), ``None`` for ones; instances of weight 0 count as zeros in the mean.

    Returns:
        A scalar.
    """
    return correlation_distance(student, teacher, dim=(-1,), weights=None if weights is None else weights[..., None])


def class_relation_loss(student: Tensor, teacher: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """One minus the correlation over the instances of a batch of the probability of each bin: DIST's intra-class loss.

    The instances are all joints of all samples, on one axis, as DIST takes all pixels of all images in segmentation: a
    bin is the same place in the crop for every joint. Bins that no joint comes near have no correlation, and count as
    zeros. (Inferred from the published code for segmentation; the paper has no poses.)

    Args:
        student: (B, K, N) probabilities.
        teacher: (B, K, N).
        weights: as in :func:`instance_relation_loss`.

    Returns:
        A scalar.
    """
    return correlation_distance(student, teacher, dim=(0, 1), weights=None if weights is None else weights[..., None])


@MODELS.register_module()
class PearsonTerm(DistillationTerm):
    """PKD: :func:`pearson_loss` between feature maps or heatmaps.

    Args:
        maps: ``'features'``: a layer of each, labelled or not; ``'heatmaps'``: all stacks of the student and the
            teacher's last one, labelled joints and all joints of an image without annotations.
        student_layer: of features: name of a layer of the student; ``None``: the last map that its head takes.
        teacher_layer: as ``student_layer``, of the teacher.
        resize: of features: which map is resampled where sizes differ; the student's, as published.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: an option is unknown.
    """

    supports_grids = True
    projector: nn.Module

    def __init__(self, *, maps: str = 'features', student_layer: str | None = None, teacher_layer: str | None = None,
                 resize: str = 'student', **kwargs: Any) -> None:
        self.weighs_joints = maps == 'heatmaps'
        super().__init__(**kwargs)
        self.pair = MapPair(self, maps, student_layer=student_layer, teacher_layer=teacher_layer, resize=resize)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """See :meth:`~distilpose.distillation.terms.map_pair.MapPair.mismatch`."""
        return self.pair.mismatch(student, teacher)

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Makes the projector."""
        self.projector = self.pair.make_projector(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        return self.pair.compare(pearson_loss, self, student, teacher, labels)


@MODELS.register_module()
class DistributionRelationTerm(DistillationTerm):
    """DIST on SimCC: :func:`instance_relation_loss` and :func:`class_relation_loss`, the sum over both axes.

    Args:
        inter: weight of the first, the paper's beta.
        intra: weight of the second, the paper's gamma.
        temperature: of the softmaxes, and its square a factor of the loss as in published implementations.
        beta: factor of the logits; the one in the student's task loss, 1 for SimDR's losses and 10 for RTMPose's.
        teacher_beta: factor of the teacher's logits; ``beta`` by default.
        weights: ``'gt'``: labelled joints are supervised, and all joints of an image without annotations;
            ``'none'``: all joints.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: a number is out of range, or ``weights`` is something else.
    """

    student_fields = teacher_fields = ('simcc',)

    def __init__(self, *, inter: float = 1.0, intra: float = 1.0, temperature: float = 1.0, beta: float = 1.0,
                 teacher_beta: float | None = None, weights: str = 'gt', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        require_weights(name, inter=inter, intra=intra)
        self.inter, self.intra, self.temperature = inter, intra, temperature
        self.pair = SimCCPair(name, beta=beta, teacher_beta=teacher_beta, weights=weights, temperature=temperature)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The student's bins must not skip the teacher's peaks."""
        return self.pair.mismatch(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        weights = self.pair.weigh(labels)
        relations = [(weight, loss) for weight, loss in
                     ((self.inter, instance_relation_loss), (self.intra, class_relation_loss)) if weight]
        losses = [weight * loss(found.softmax(dim=-1), expected.softmax(dim=-1), weights=weights)
                  for found, expected in self.pair.read(student, teacher) for weight, loss in relations]
        return self.temperature ** 2 * torch.stack(losses).sum()
