"""Coarse dropout augmentation: black rectangles over the crop."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

from distilpose.errors import DistilPoseError

Hole = tuple[int, int, int, int]
"""Top, left, height and width in pixels."""


@TRANSFORMS.register_module()
class CoarseDropout(BaseTransform):
    """Paints rectangles black, anywhere within the image; the keypoints below them stay labelled.

    One hole by default, as RTMPose and DWPose use it after ``TopdownAffine``. Changes ``img`` (H, W, 3).

    Args:
        prob: probability of holes.
        side: smallest and largest height of a hole, as a share of the image's, and, drawn apart, its width.
        width: smallest and largest width of a hole where they are not those of ``side``.
        in_pixels: whether ``side`` and ``width`` are numbers of pixels; what exceeds the image is cut to it.
        holes: smallest and largest number of holes.

    Raises:
        DistilPoseError: for shares that are not in order between 0 and 1, pixels or holes that are not in order from 1.
    """

    def __init__(self, *, prob: float = 1.0, side: tuple[float, float] = (0.2, 0.4),
                 width: tuple[float, float] | None = None, in_pixels: bool = False,
                 holes: tuple[int, int] = (1, 1)) -> None:
        self.prob, self.side, self.width = prob, side, side if width is None else width
        self.in_pixels, self.holes = in_pixels, holes
        for name, limits in (('side', self.side), ('width', self.width)):
            if in_pixels:
                _check_whole_numbers(name, limits)
            elif not 0 < limits[0] <= limits[1] <= 1:
                raise DistilPoseError(f'CoarseDropout got {name}={limits}; expected the smallest and the largest share '
                                      "of the image's sides, above 0 and up to 1")
        _check_whole_numbers('holes', holes)

    def transform(self, results: dict) -> dict:
        """See the class."""
        holes = self.draw(*results['img'].shape[:2])
        results['img'] = self.painted(results['img'], holes)
        return results

    @staticmethod
    def painted(image: np.ndarray, holes: list[Hole]) -> np.ndarray:
        """An image (H, W, 3) with these holes; without some it is the given one, and else a copy."""
        image = image.copy() if holes else image
        for top, left, height, width in holes:
            image[top:top + height, left:left + width] = 0
        return image

    @cache_randomness
    def draw(self, height: int, width: int) -> list[Hole]:
        """The holes in an image of this size."""
        if np.random.rand() >= self.prob:
            return []
        least, most = self.holes
        count = least if least == most else np.random.randint(least, most + 1)
        return [self._draw_hole(height, width) for _ in range(count)]

    def _draw_hole(self, height: int, width: int) -> Hole:
        tall, wide = self._draw_extent(height, self.side), self._draw_extent(width, self.width)
        return np.random.randint(height - tall + 1), np.random.randint(width - wide + 1), tall, wide

    def _draw_extent(self, length: int, limits: tuple[float, float]) -> int:
        if self.in_pixels:
            return min(np.random.randint(int(limits[0]), int(limits[1]) + 1), length)
        return int(length * np.random.uniform(*limits))


def _check_whole_numbers(name: str, limits: tuple[float, float]) -> None:
    if not (all(isinstance(limit, int) for limit in limits) and 0 < limits[0] <= limits[1]):
        raise DistilPoseError(f'CoarseDropout got {name}={limits}; expected the smallest and the largest whole number, '
                              'from 1')
