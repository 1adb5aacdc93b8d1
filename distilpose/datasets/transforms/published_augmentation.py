"""Box augmentation of the published systems: shift, scale and rotation from clipped normals.

mmpose 1.x's ``RandomBBoxTransform`` draws truncated normals; the code that trained the published networks
clips normals, which puts visible mass on the limits, and shifts the box before anything else.
"""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomBBoxCenterShift(BaseTransform):
    """Moves the centre of each box by a uniform share of the box's size.

    It belongs right after ``GetBBoxCenterScale``. Changes ``bbox_center`` (N, 2).

    Args:
        prob: probability that a box is moved.
        factor: largest shift as a share of the box before padding.
        padding: the padding that ``GetBBoxCenterScale`` applied to ``bbox_scale``.
    """

    def __init__(self, *, prob: float = 0.3, factor: float = 0.2, padding: float = 1.25) -> None:
        self.prob, self.factor, self.padding = prob, factor, padding

    def transform(self, results: dict) -> dict:
        """See the class."""
        moved, share = self._draw(len(results['bbox_center']))
        if moved.any():
            shift = np.where(moved, share * results['bbox_scale'] / self.padding, 0)
            results['bbox_center'] = (results['bbox_center'] + shift).astype(results['bbox_center'].dtype)
        return results

    @cache_randomness
    def _draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        moved = np.random.rand(count, 1) < self.prob
        return moved, np.random.uniform(-self.factor, self.factor, size=(count, 2))


@TRANSFORMS.register_module()
class RandomScaleRotation(BaseTransform):
    """Scales and rotates each box by clipped normals.

    The scale is ``clip(1 + s * n, 1 - s, 1 + s)``; the angle is ``clip(r * n, -2r, 2r)`` degrees, drawn with
    probability ``rotation_prob`` and else 0. Changes ``bbox_scale`` (N, 2) and sets ``bbox_rotation`` (N,).

    Args:
        scale_factor: s, a share.
        rotation_factor: r, in degrees.
        rotation_prob: probability of a rotation.
    """

    def __init__(self, *, scale_factor: float = 0.35, rotation_factor: float = 45.0,
                 rotation_prob: float = 0.6) -> None:
        self.scale_factor, self.rotation_factor, self.rotation_prob = scale_factor, rotation_factor, rotation_prob

    def transform(self, results: dict) -> dict:
        """See the class."""
        scale, rotation = self._draw(len(results['bbox_scale']))
        results['bbox_scale'] = (results['bbox_scale'] * scale[:, None]).astype(results['bbox_scale'].dtype)
        results['bbox_rotation'] = rotation
        return results

    @cache_randomness
    def _draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        factor, angle = self.scale_factor, self.rotation_factor
        scale = (1 + factor * np.random.randn(count)).clip(1 - factor, 1 + factor)
        rotation = (angle * np.random.randn(count)).clip(-2 * angle, 2 * angle)
        rotated = np.random.rand(count) < self.rotation_prob
        return scale.astype(np.float32), np.where(rotated, rotation, 0).astype(np.float32)
