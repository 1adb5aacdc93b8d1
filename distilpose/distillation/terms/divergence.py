"""Divergences between maps: channel-wise (CWD), a channel being a distribution over pixels, and pixel-wise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from distilpose.distillation.schedules import require_numbers
from distilpose.errors import DistilPoseError
from distilpose.models.losses import divergence_from_gaussians
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .map_pair import MapPair

OVER = ('pixels', 'channels')


def channel_divergence(student: Tensor, teacher: Tensor, *, temperature: float = 1.0,
                       weights: Tensor | None = None) -> Tensor:
    """Kullback-Leibler divergence between channels, each the softmax over its pixels of ``map / temperature``.

    Channel-wise knowledge distillation (CWD, Shu et al., ICCV 2021, section 3.2), as in its published code
    (irfanICMLL/TorchDistiller, ``CriterionCWD`` with ``norm_type='channel'``): the divergence times
    ``temperature ** 2``, the mean over samples and channels. A channel of a heatmap is a keypoint. Adding a number to
    a channel changes nothing.

    Args:
        student: (B, C, H, W).
        teacher: of the same shape.
        temperature: of the softmax; 4 in the paper. Heatmaps, whose peak is 1, need one far below 1, or their
            background has most of the probability.
        weights: (B, C), ``None`` for ones; channels of weight 0 count as zeros in the mean.

    Returns:
        A scalar.
    """
    rows, targets = ((maps / temperature).flatten(2) for maps in (student, teacher))
    divergence = divergence_from_gaussians(rows, targets.softmax(dim=-1))
    return temperature ** 2 * (divergence if weights is None else divergence * weights).mean()


def pixel_divergence(student: Tensor, teacher: Tensor, *, temperature: float = 1.0,
                     weights: Tensor | None = None) -> Tensor:
    """Kullback-Leibler divergence between pixels, each the softmax over its channels of ``map / temperature``.

    Pixel-wise distillation of segmentation (Liu et al., CVPR 2019), where a channel is a class: the mean over samples
    and pixels, times ``temperature ** 2`` as in the published code of CWD (``norm_type='spatial'``). On heatmaps a
    pixel's classes are the keypoints: which of them it belongs to. Adding a number to all channels of a pixel changes
    nothing.

    Args:
        student: (B, C, H, W).
        teacher: of the same shape.
        temperature: as in :func:`channel_divergence`.
        weights: (B, C), ``None`` for ones, factors of the channels' exponentials in both softmaxes: channels of
            weight 0 take no part. A sample has the largest of its weights.

    Returns:
        A scalar.
    """
    rows, targets = ((maps / temperature).movedim(1, -1) for maps in (student, teacher))
    if weights is None:
        return temperature ** 2 * divergence_from_gaussians(rows, targets.softmax(dim=-1)).mean()
    offsets = weights.log().clamp(min=torch.finfo(weights.dtype).min / 4)[:, None, None]
    divergence = divergence_from_gaussians(rows + offsets, (targets + offsets).softmax(dim=-1))
    return temperature ** 2 * (divergence.mean((1, 2)) * weights.amax(1)).mean()


@MODELS.register_module()
class MapDivergenceTerm(DistillationTerm):
    """:func:`channel_divergence` or :func:`pixel_divergence` between feature maps or heatmaps.

    Args:
        over: what the distributions are over: ``'pixels'``, each channel being one (:func:`channel_divergence`, CWD),
            or ``'channels'``, each pixel being one (:func:`pixel_divergence`).
        temperature: of the softmaxes; by default 4 for features, as in CWD, and 0.1 for heatmaps.
        maps: ``'features'``: a layer of each, labelled or not; ``'heatmaps'``: all stacks of the student and the
            teacher's last one, labelled joints and all joints of an image without annotations.
        student_layer: of features: name of a layer of the student; ``None``: the last map that its head takes.
        teacher_layer: as ``student_layer``, of the teacher.
        resize: of features: which map is resampled where sizes differ.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: an option is unknown, or the temperature is not above 0.
    """

    supports_grids = True
    projector: nn.Module

    def __init__(self, *, over: str = 'pixels', temperature: float | None = None, maps: str = 'features',
                 student_layer: str | None = None, teacher_layer: str | None = None, resize: str = 'larger',
                 **kwargs: Any) -> None:
        self.weighs_joints = maps == 'heatmaps'
        super().__init__(**kwargs)
        if over not in OVER:
            raise DistilPoseError(f'MapDivergenceTerm got over={over!r}; expected one of {OVER}')
        chosen = (0.1 if maps == 'heatmaps' else 4.0) if temperature is None else temperature
        require_numbers('MapDivergenceTerm', temperature=chosen)
        if chosen <= 0:
            raise DistilPoseError(f'MapDivergenceTerm got temperature={chosen}; expected a number above 0')
        self.loss: Callable[..., Tensor] = partial(channel_divergence if over == 'pixels' else pixel_divergence,
                                                   temperature=chosen)
        self.pair = MapPair(self, maps, student_layer=student_layer, teacher_layer=teacher_layer, resize=resize)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """See :meth:`~distilpose.distillation.terms.map_pair.MapPair.mismatch`."""
        return self.pair.mismatch(student, teacher)

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Makes the projector."""
        self.projector = self.pair.make_projector(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        return self.pair.compare(self.loss, self, student, teacher, labels)
