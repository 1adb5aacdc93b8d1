"""Resampled crop: a top-down crop of one size, enlarged or reduced to the input of another network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

Step = Callable[[dict], dict]


@TRANSFORMS.register_module()
class ResampledCrop(BaseTransform):
    """Cuts a crop and resamples it, as a distillation with ``model.teacher.crop='student'`` does for its teacher.

    Pixel ``i`` of n stands for the fraction ``i / n`` of the side, as in mmpose's crops. The image is in float32 and is
    not rounded. ``input_size`` becomes the new size.

    Args:
        crop: the step that cuts, ``TopdownAffine`` or one of its kind.
        size: (width, height) of the result.
    """

    def __init__(self, crop: dict | Step, *, size: tuple[int, int]) -> None:
        self.crop: Any = TRANSFORMS.build(crop) if isinstance(crop, Mapping) else crop
        self.size = int(size[0]), int(size[1])

    def transform(self, results: dict) -> dict:
        """See the class."""
        results = self.crop.transform(results)
        image = results['img'].astype(np.float32)
        results['img'] = _resampled(_resampled(image, self.size[1], axis=0), self.size[0], axis=1)
        results['input_size'] = self.size
        return results


def _resampled(image: np.ndarray, count: int, *, axis: int) -> np.ndarray:
    """Linear along one axis; the last value beyond the border."""
    own = image.shape[axis]
    places = np.arange(count) * (own / count)
    lower = places.astype(int)
    share = np.expand_dims((places - lower).astype(np.float32), tuple(set(range(image.ndim)) - {axis}))
    after = image.take(np.minimum(lower + 1, own - 1), axis=axis)
    return image.take(lower, axis=axis) * (1 - share) + after * share
