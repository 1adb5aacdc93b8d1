"""Reach of an augmentation: the part of an image that the crops of a person can show, from the steps of a pipeline."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from distilpose.errors import DistilPoseError

_NO_BOX = ('LoadImage', 'LoadEncodedImage', 'LoadImageOnce', 'KeypointConverter', 'FilterAnnotations', 'FindStoredCrop')
_CROPS = ('TopdownAffine', 'SinglePersonTopdownAffine', 'DecodingTopdownAffine')
_MIRRORED = 'RandomFlip'
"""Draws around the person's box are symmetric, so that a flipped image is reached as one that is not."""
_KNOWN = ('GetBBoxCenterScale', 'RandomHalfBody', 'RandomBBoxCenterShift', 'RandomBBoxTransform', 'RandomScaleRotation')
_MARGIN = 3  # pixels: one for the interpolation, two for rounding


@dataclass(frozen=True)
class People:
    """What steps read of N people, each on an image that is not flipped."""

    centers: np.ndarray
    """(N, 2) of their boxes."""
    scales: np.ndarray
    """(N, 2) sides of their boxes, before padding."""
    halves: np.ndarray
    """(P, N, 4) center and sides of the boxes around the keypoints of a half of the body; NaN where it is not used."""


@dataclass(frozen=True)
class Crop:
    """A crop of the person's box: its input size and the factor of the box."""

    size: tuple[int, int]
    zoom: float = 1.0
    padding: float | None = None
    """Of a crop that the augmentation does not reach: factor of the box before its own padding."""


class Reach:
    """The part of an image that the crops of a pipeline can show of a person.

    Args:
        steps: of the pipeline, built.

    Raises:
        DistilPoseError: it has no top-down crop, or a step before the crop changes boxes in an unknown way; names it.
    """

    def __init__(self, steps: Sequence[Callable]) -> None:
        self.boxes: list[Any] = []
        self.crops: list[Crop] = []
        for step in steps:
            step = getattr(step, 'step', step) if type(step).__name__ == 'KeepBox' else step
            kind = type(step).__name__
            crops = _crops_of(step)
            if crops:
                self.crops = crops
                break
            if kind in _KNOWN:
                self.boxes.append(step)
            elif kind not in (*_NO_BOX, _MIRRORED):
                raise DistilPoseError(f"it is not known how far the pipeline's step {kind}, which comes before the "
                                      f'crop, moves the box of a person (it is for {", ".join(_KNOWN)}); put it '
                                      'behind the crop, or train without a crop store')
        if not self.crops:
            raise DistilPoseError('a crop store needs a pipeline with a top-down crop (TopdownAffine), and this one '
                                  f'has {", ".join(type(step).__name__ for step in steps) or "no steps"}')

    @property
    def half_body(self) -> Any | None:
        """The step RandomHalfBody, if there is one."""
        found = [step for step in self.boxes if type(step).__name__ == 'RandomHalfBody' and step.prob > 0]
        return found[0] if found else None

    def describe(self) -> str:
        """The steps and the proportions of the student's crop in a line, equal for equal reaches."""
        parts = [_DESCRIBED[type(step).__name__](step) for step in self.boxes]
        width, height = self.crops[0].size
        divisor = math.gcd(width, height)
        return ', '.join([*parts, f'crop {width // divisor}:{height // divisor}'])

    def corners(self, people: People) -> np.ndarray:
        """(N, 4) left, top, right, bottom of what all crops can show, in pixels, also outside of the image."""
        centers, scales = people.centers[None], people.scales[None]
        slack, turn = np.zeros_like(centers), 0.0
        for step in self.boxes:
            kind = type(step).__name__
            if kind == 'GetBBoxCenterScale':
                scales = scales * step.padding
            elif kind == 'RandomHalfBody':
                if step.prob > 0 and len(people.halves):
                    half = np.where(np.isnan(people.halves), np.concatenate([centers, scales], -1)[:1], people.halves)
                    centers, scales = (np.concatenate([whole, part]) for whole, part in
                                       ((centers, half[..., :2]), (scales, half[..., 2:] * step.padding)))
                    slack = np.concatenate([slack, np.zeros_like(half[..., :2])])
                    slack[-len(half):] = np.where(np.isnan(people.halves[..., :2]), slack[:1], 0)
            elif kind == 'RandomBBoxCenterShift':
                slack = slack + (step.factor if step.prob > 0 else 0) * scales / step.padding
            elif kind == 'RandomBBoxTransform':
                slack = slack + (step.shift_factor if step.shift_prob > 0 else 0) * scales
                scales = scales * _largest(step.scale_factor[1], step.scale_prob)
                turn = math.radians(abs(step.rotate_factor)) if step.rotate_prob > 0 else 0.0
            else:
                scales = scales * (1 + step.scale_factor)
                turn = math.radians(2 * abs(step.rotation_factor)) if step.rotation_prob > 0 else 0.0
        halves = np.max([_half_sides(scales * crop.zoom, crop.size, turn) for crop in self.crops
                         if crop.padding is None], axis=0) + slack
        low, high = (centers - halves).min(0), (centers + halves).max(0)
        for crop in self.crops:
            if crop.padding is not None:
                half = _half_sides(people.scales * crop.padding, crop.size, 0.0)
                low, high = np.minimum(low, people.centers - half), np.maximum(high, people.centers + half)
        return np.concatenate([np.floor(low) - _MARGIN, np.ceil(high) + _MARGIN], axis=1)

    def density(self, people: People) -> np.ndarray:
        """(N,) pixels of the image per pixel of the finest crop, along both axes, without augmentation."""
        padding = math.prod(step.padding for step in self.boxes if type(step).__name__ == 'GetBBoxCenterScale')
        return np.min([_widened(people.scales * (crop.padding or padding * crop.zoom), crop.size)[..., 0] / crop.size[0]
                       for crop in self.crops], axis=0)


def half_boxes(keypoints: np.ndarray, visible: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """(N, 4) the mean of visible keypoints of a half of the body and the sides of the box around them; NaN without.

    Args:
        keypoints: (N, K, 2).
        visible: (N, K).
        ids: of the half.
    """
    points, used = keypoints[:, list(ids)], visible[:, list(ids), None] > 0
    count = used.sum(1)
    mean = np.where(used, points, 0).sum(1) / np.maximum(count, 1)
    sides = np.where(used, points, -np.inf).max(1) - np.where(used, points, np.inf).min(1)
    return np.where(count > 0, np.concatenate([mean, sides], axis=1), np.nan)


def _crops_of(step: Any) -> list[Crop]:
    """The crops of a step, that of the student first."""
    kind = type(step).__name__
    if kind == 'TeacherCrop':
        return [*_crops_of(step.crop),
                *(Crop(cut.size, cut.zoom, getattr(cut, 'padding', None)) for cut in step.cuts)]
    return [Crop((int(step.input_size[0]), int(step.input_size[1])))] if kind in _CROPS else []


def _widened(scales: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(..., 2) sides of boxes of the proportions of a crop."""
    share = size[0] / size[1]
    width = np.maximum(scales[..., 0], scales[..., 1] * share)
    return np.stack([width, width / share], axis=-1)


def _half_sides(scales: np.ndarray, size: tuple[int, int], turn: float) -> np.ndarray:
    """(..., 2) half of the upright box around boxes that are turned by up to some radians."""
    width, height = np.moveaxis(_widened(scales, size), -1, 0)

    def reach(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        angle = np.minimum(np.arctan2(other, one), turn)
        return (one * np.cos(angle) + other * np.sin(angle)) / 2

    return np.stack([reach(width, height), reach(height, width)], axis=-1)


def _largest(factor: float, prob: float) -> float:
    """Largest factor of a box that is scaled with a probability."""
    return factor if prob >= 1 else max(factor, 1.0)


_DESCRIBED: dict[str, Callable[[Any], str]] = dict(
    GetBBoxCenterScale=lambda step: f'padding {step.padding:g}',
    RandomHalfBody=lambda step: f'half body {step.padding * (step.prob > 0):g}',
    RandomBBoxCenterShift=lambda step: f'shift {step.factor / step.padding * (step.prob > 0):g}',
    RandomBBoxTransform=lambda step: (
        f'shift {step.shift_factor * (step.shift_prob > 0):g}, '
        f'scale {_largest(step.scale_factor[1], step.scale_prob):g}, '
        f'rotation {abs(step.rotate_factor) * (step.rotate_prob > 0):g}'),
    RandomScaleRotation=lambda step: (f'scale {1 + step.scale_factor:g}, '
                                      f'rotation {2 * abs(step.rotation_factor) * (step.rotation_prob > 0):g}'),
)
