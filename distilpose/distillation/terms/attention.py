"""Attention transfer: where the student's maps are strong, the teacher's are, too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.distillation.schedules import require_numbers
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .map_pair import MapPair

REDUCTIONS = ('mean', 'sum')


def attention_maps(maps: Tensor, *, power: float = 2.0, weights: Tensor | None = None) -> Tensor:
    """Strength of maps at every pixel: the mean over channels of ``abs(map) ** power``, of unit length.

    Attention transfer (Zagoruyko and Komodakis, ICLR 2017, section 3.1): activation-based attention, as in the
    published code (szagoruyko/attention-transfer).

    Args:
        maps: (B, C, H, W).
        power: at least 1; 2 in the published code.
        weights: (B, C) of the channels, ``None`` for ones.

    Returns:
        (B, H x W) of length 1, or 0 where all is 0.
    """
    strength = maps.abs().pow(power)
    if weights is not None:
        strength = strength * weights[:, :, None, None]
    return F.normalize(strength.mean(1).flatten(1), dim=1)


def attention_loss(student: Tensor, teacher: Tensor, *, power: float = 2.0, reduction: str = 'mean',
                   weights: Tensor | None = None) -> Tensor:
    """Squared difference of :func:`attention_maps`.

    The mean over samples and pixels, as in the published code: the paper's factor of 1000, divided by the numbers of
    pixels and samples, is a ``weight`` of 1000 here. Or the sum over pixels, which does not shrink with larger maps.
    Scaling the maps of a network changes nothing, and both may have any number of channels.

    Args:
        student: (B, C, H, W).
        teacher: (B, C', H, W).
        power: see :func:`attention_maps`.
        reduction: over pixels, ``'mean'`` or ``'sum'``.
        weights: (B, C) of the channels of both, ``None`` for ones.

    Returns:
        A scalar.
    """
    found, expected = (attention_maps(maps, power=power, weights=weights) for maps in (student, teacher))
    difference = (found - expected).square()
    return difference.mean() if reduction == 'mean' else difference.sum(1).mean()


@MODELS.register_module()
class AttentionTerm(DistillationTerm):
    """:func:`attention_loss` between feature maps or heatmaps.

    Args:
        maps: ``'features'``: a layer of each, labelled or not; ``'heatmaps'``: all stacks of the student and the
            teacher's last one, labelled joints and all joints of an image without annotations.
        student_layer: of features: name of a layer of the student; ``None``: the last map that its head takes.
        teacher_layer: as ``student_layer``, of the teacher.
        resize: of features: which map is resampled where sizes differ.
        power: see :func:`attention_maps`.
        reduction: see :func:`attention_loss`.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: an option is unknown, or the power is below 1.
    """

    supports_grids = True
    projector: nn.Module

    def __init__(self, *, maps: str = 'features', student_layer: str | None = None, teacher_layer: str | None = None,
                 resize: str = 'larger', power: float = 2.0, reduction: str = 'mean', **kwargs: Any) -> None:
        self.weighs_joints = maps == 'heatmaps'
        super().__init__(**kwargs)
        require_numbers('AttentionTerm', power=power)
        if power < 1:
            raise DistilPoseError(f'AttentionTerm got power={power}; expected at least 1: below it, the gradient of a '
                                  'map that is 0 is not finite')
        if reduction not in REDUCTIONS:
            raise DistilPoseError(f'AttentionTerm got reduction={reduction!r}; expected one of {REDUCTIONS}')
        self.loss: Callable[..., Tensor] = partial(attention_loss, power=power, reduction=reduction)
        self.pair = MapPair(self, maps, student_layer=student_layer, teacher_layer=teacher_layer, resize=resize,
                            same_channels=False)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """See :meth:`~distilpose.distillation.terms.map_pair.MapPair.mismatch`."""
        return self.pair.mismatch(student, teacher)

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Makes the projector."""
        self.projector = self.pair.make_projector(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        return self.pair.compare(self.loss, self, student, teacher, labels)
