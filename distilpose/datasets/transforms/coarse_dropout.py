"""A hole in the picture: the network learns to guess what it cannot see."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

from distilpose.errors import DistilPoseError


@TRANSFORMS.register_module()
class CoarseDropout(BaseTransform):
    """Paints a rectangle black, anywhere within the image; the keypoints below it stay labelled.

    One hole, as RTMPose and DWPose use it after ``TopdownAffine``. Changes ``img`` (H, W, 3).

    Args:
        prob: probability of a hole.
        side: smallest and largest share of the image's height, and, drawn apart, of its width.

    Raises:
        DistilPoseError: for shares that are not in order between 0 and 1.
    """

    def __init__(self, *, prob: float = 1.0, side: tuple[float, float] = (0.2, 0.4)) -> None:
        if not 0 < side[0] <= side[1] <= 1:
            raise DistilPoseError(f'CoarseDropout got side={side}; expected the smallest and the largest share of '
                                  "the image's sides, above 0 and up to 1")
        self.prob, self.side = prob, side

    def transform(self, results: dict) -> dict:
        """See the class."""
        hole = self._draw(*results['img'].shape[:2])
        if hole is not None:
            top, left, height, width = hole
            results['img'] = results['img'].copy()
            results['img'][top:top + height, left:left + width] = 0
        return results

    @cache_randomness
    def _draw(self, height: int, width: int) -> tuple[int, int, int, int] | None:
        """Top, left, height and width of the hole."""
        if np.random.rand() >= self.prob:
            return None
        tall, wide = (int(length * np.random.uniform(*self.side)) for length in (height, width))
        return np.random.randint(height - tall + 1), np.random.randint(width - wide + 1), tall, wide
