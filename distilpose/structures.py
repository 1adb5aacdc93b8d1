"""Outputs of pose networks, labels of a batch and the input of a network: what heads, teachers and terms exchange."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

ONLY_TEACHER = 'teacher'
"""Name of the teacher of ``model.teacher``, beside those of ``model.teachers``."""


class TeacherFields(NamedTuple):
    """Fields of a data sample with the own crop of one teacher."""

    image: str
    """(3, H, W) the crop, of 8 bits, blue, green, red."""
    map: str
    """(2, 3) affine, from its fractions of the sides, x and y, to those of the student's crop."""
    mask: str
    """(K,) 0 for joints whose annotation is outside of it; absent without annotations."""
    order: str
    """(K,) for each joint of a flipped student's crop the joint of an unaugmented one; absent elsewhere."""
    person: str
    """(2,) key of the person and checksum of the crop, -1 where it was not cut; only where its outputs are cached."""


TEACHER_FIELDS = TeacherFields('teacher_image', 'teacher_map', 'teacher_mask', 'teacher_order', 'teacher_person')
"""Those of the only teacher."""


def teacher_fields(name: str = ONLY_TEACHER) -> TeacherFields:
    """The fields of a teacher: those of another than the only one end with its name (``teacher_image_hands``)."""
    return TEACHER_FIELDS if name == ONLY_TEACHER else TeacherFields(*(f'{field}_{name}' for field in TEACHER_FIELDS))


def is_teacher_image(field: str) -> bool:
    """Whether a field of a data sample is the own crop of a teacher."""
    return field == TEACHER_FIELDS.image or field.startswith(f'{TEACHER_FIELDS.image}_')


class PoseOutputs(NamedTuple):
    """Outputs of a pose network for one batch; a field that it does not produce is ``None``.

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
    """(B, K) 1 for the keypoints that these outputs predict, 0 for the others; ``None``: all are predicted."""
    layers: dict[str, Tensor] | None = None
    """Outputs of layers that terms read, by name (``'backbone.layer3'``); maps (B, C, H', W') or tokens (B, N, D)."""

    def produced(self) -> tuple[str, ...]:
        """Names of the fields that are present."""
        return tuple(name for name in self._fields if getattr(self, name) is not None)

    def tensors(self, field: str) -> tuple[Tensor, ...]:
        """The tensors of a field, none where it is absent."""
        value = getattr(self, field)
        if isinstance(value, dict):
            return tuple(value.values())
        return () if value is None else value if isinstance(value, tuple) else (value,)

    def float(self) -> PoseOutputs:
        """The same outputs in float32, the precision in which losses are taken."""
        return PoseOutputs(**{name: _float(getattr(self, name)) for name in self.produced()})


@dataclass(frozen=True)
class NetworkInput:
    """The images that a pose network takes."""

    size: tuple[int, int] | None = None
    """(width, height) of the crop in pixels, ``None`` if unknown."""
    mean: tuple[float, float, float] | None = None
    """Is subtracted from pixels of 0 to 255, in the order of the network's channels; ``None``: not normalised."""
    std: tuple[float, float, float] | None = None
    """Divides them afterwards; ``None`` with ``mean``."""
    rgb: bool = False
    """Whether the channels are red, green, blue; images are loaded as blue, green, red."""
    padding: float | None = None
    """Factor of the person's box (mmpose's ``GetBBoxCenterScale.padding``), ``None`` if unknown."""
    udp: bool = False
    """Whether crops put the last pixel's centre on the edge of the box (``TopdownAffine.use_udp``)."""


class Labels(NamedTuple):
    """Keypoint weights of one batch; B images, K keypoints."""

    weights: Tensor
    """(B, K) weights of the joints in the task loss, 0 where one is not labelled."""
    labelled: Tensor
    """(B,) true for an image that has annotations, even if they label none of its joints."""
    mask: Tensor | None = None
    """(B, K) mask of the teacher's outputs: 0 where it does not predict a joint; ``None``: it predicts all."""

    def distillation_weights(self) -> Tensor:
        """(B, K) keypoint weights of a distillation term: those of the labels, and 1 on images without annotations.

        Joints that the teacher does not predict have the weight 0.
        """
        weights = torch.where(self.labelled[:, None], self.weights, torch.ones_like(self.weights))
        return weights if self.mask is None else weights * self.mask

    def taught(self) -> Tensor:
        """The former name of :meth:`distillation_weights`, deprecated."""
        warnings.warn('Labels.taught is now Labels.distillation_weights', DeprecationWarning, stacklevel=2)
        return self.distillation_weights()


def _float(value: Tensor | tuple[Tensor, ...] | dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        return {name: item.float() for name, item in value.items()}
    return tuple(item.float() for item in value) if isinstance(value, tuple) else value.float()
