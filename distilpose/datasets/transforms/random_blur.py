"""Random blur augmentation: mean or median filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

from distilpose.errors import DistilPoseError

FILTERS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = dict(
    mean=lambda image, size: cv2.blur(image, (size, size)), median=cv2.medianBlur)


@TRANSFORMS.register_module()
class RandomBlur(BaseTransform):
    """Replaces every value by the mean or the median of a square around it; changes ``img`` (H, W, 3).

    RTMPose and DWPose use one of each, with probability 0.1.

    Args:
        kind: ``'mean'`` or ``'median'``.
        prob: probability of a blur.
        sizes: sides of the square in pixels, odd, one of which is drawn.

    Raises:
        DistilPoseError: for an unknown kind or an even size.
    """

    def __init__(self, kind: str, *, prob: float = 0.1, sizes: Sequence[int] = (3, 5, 7)) -> None:
        if kind not in FILTERS:
            raise DistilPoseError(f'RandomBlur got kind={kind!r}; expected one of {", ".join(FILTERS)}')
        if not sizes or any(size < 3 or size % 2 == 0 for size in sizes):
            raise DistilPoseError(f'RandomBlur got sizes={tuple(sizes)}; expected odd numbers of pixels from 3')
        self.kind, self.prob, self.sizes = kind, prob, tuple(sizes)

    def transform(self, results: dict) -> dict:
        """See the class."""
        size = self.draw()
        if size is not None:
            results['img'] = self.blurred(results['img'], size)
        return results

    def blurred(self, image: np.ndarray, size: int) -> np.ndarray:
        """The image (H, W, 3) through the filter."""
        return FILTERS[self.kind](image, size)

    @cache_randomness
    def draw(self) -> int | None:
        """The size of the filter, ``None`` for no blur."""
        return int(np.random.choice(self.sizes)) if np.random.rand() < self.prob else None
