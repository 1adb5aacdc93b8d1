"""The currency between heads, annotations and distillation terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

TEACHER_FIELDS = ('teacher_image', 'teacher_map', 'teacher_mask')
"""Fields of a data sample that hold the teacher's own crop, its place in the student's, and which joints it shows."""


class PoseOutputs(NamedTuple):
    """What a network shows for one batch; a field that it does not produce is ``None``.

    B batch, K keypoints, H x W heatmap size, D token width, P visual tokens, C channels.
    """

    heatmaps: tuple[Tensor, ...] | None = None
    """One (B, K, H, W) tensor for every stack, the last one being the prediction."""
    coords: Tensor | None = None
    """(B, K, 2) x and y as fractions of the input width and height."""
    sigmas: Tensor | None = None
    """(B, K, 2) standard deviations in x and y, in heatmap pixels."""
    error_scales: Tensor | None = None
    """(B, K, 2) logits of the scale of the coordinates' error, a fraction of the input size; for RLE."""
    scores: Tensor | None = None
    """(B, K, 1) keypoint confidences."""
    simcc: tuple[Tensor, Tensor] | None = None
    """(B, K, Wx) and (B, K, Wy) logits."""
    keypoint_tokens: Tensor | None = None
    """(B, K, D) raw tokens of the last encoder layer, of several chained encoders side by side."""
    visual_tokens: Tensor | None = None
    """(B, P, D) raw tokens of the last encoder layer."""
    features: tuple[Tensor, ...] | None = None
    """Backbone or neck maps, each (B, C, H', W')."""
    mask: Tensor | None = None
    """(B, K) 1 for the keypoints that these outputs speak of, 0 for the others; ``None``: of all."""

    def produced(self) -> tuple[str, ...]:
        """Names of the fields that are present."""
        return tuple(name for name in self._fields if getattr(self, name) is not None)

    def float(self) -> PoseOutputs:
        """The same outputs in float32, the precision in which losses are taken."""
        return PoseOutputs(**{name: _float(getattr(self, name)) for name in self.produced()})


@dataclass(frozen=True)
class NetworkInput:
    """The images that a pose network takes."""

    size: tuple[int, int] | None = None
    """(width, height) of the crop in pixels, ``None`` where the network does not say it."""
    mean: tuple[float, float, float] | None = None
    """Is subtracted from pixels of 0 to 255, in the order of the network's channels; ``None``: not normalised."""
    std: tuple[float, float, float] | None = None
    """Divides them afterwards; ``None`` with ``mean``."""
    rgb: bool = False
    """Whether the channels are red, green, blue; images are loaded as blue, green, red."""
    padding: float | None = None
    """Factor of the person's box (mmpose's ``GetBBoxCenterScale.padding``), ``None`` where it is not known."""
    udp: bool = False
    """Whether crops put the last pixel's centre on the edge of the box (``TopdownAffine.use_udp``)."""


class Labels(NamedTuple):
    """What the annotations of one batch say; B images, K keypoints."""

    weights: Tensor
    """(B, K) weights of the joints in the task loss, 0 where one is not labelled."""
    labelled: Tensor
    """(B,) true for an image that has annotations, even if they label none of its joints."""
    mask: Tensor | None = None
    """(B, K) that of the teacher's outputs: 0 where it says nothing of a joint; ``None``: it speaks of all."""

    def taught(self) -> Tensor:
        """(B, K) what a teacher may speak of: the labelled joints, and all joints of an image without annotations.

        Joints of which this teacher says nothing weigh 0.
        """
        weights = torch.where(self.labelled[:, None], self.weights, torch.ones_like(self.weights))
        return weights if self.mask is None else weights * self.mask


def _float(value: Tensor | tuple[Tensor, ...]) -> Any:
    return tuple(item.float() for item in value) if isinstance(value, tuple) else value.float()
