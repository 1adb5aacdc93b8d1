"""What a pipeline hands to a model."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS

_NO_PIXELS = np.empty((1, 1, 3), np.uint8)


@TRANSFORMS.register_module()
class PackMixedPoseInputs(PackPoseInputs):
    """mmpose's ``PackPoseInputs`` that also packs ``labelled``: whether an image has annotations (yes where absent).

    Args:
        pack_transformed: as in mmpose.
    """

    def __init__(self, *, pack_transformed: bool = False) -> None:
        super().__init__(pack_transformed=pack_transformed)
        self.meta_keys: tuple[str, ...] = (*self.meta_keys, 'labelled')


@TRANSFORMS.register_module()
class PackTrainingInputs(PackMixedPoseInputs):
    """:class:`PackMixedPoseInputs` without ``raw_ann_info``, in less time; images and targets are the same.

    The raw annotation, with the person's outline, serves evaluation only; copying it takes longer than making targets.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meta_keys = tuple(key for key in self.meta_keys if key != 'raw_ann_info')

    def transform(self, results: dict) -> dict:
        """See the class."""
        image = results['img']
        if image.ndim != 3 or image.shape[2] != 3:
            return super().transform(results)
        channels = np.empty((3, *image.shape[:2]), image.dtype)
        cv2.split(image, list(channels))  # several times faster than transposing
        packed = super().transform(dict(results, img=_NO_PIXELS))
        packed['inputs'] = torch.from_numpy(channels)
        return packed
