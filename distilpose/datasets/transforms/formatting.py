"""Packing of samples: images as tensors, targets and metainfo as data samples."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample

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

    The raw annotation, with the person's outline, serves evaluation only. Nothing is copied: what is packed belongs to
    the results, and the names of the data set (``flip_indices``) to the data set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meta_keys = tuple(key for key in self.meta_keys if key != 'raw_ann_info')

    def transform(self, results: dict) -> dict:
        """See the class."""
        image = results['img']
        if image.ndim != 3 or image.shape[2] != 3:
            return super().transform(results)
        inputs = channels_first(image)
        if any(isinstance(results.get(key), list) for key in self._table(results, 'field')):  # maps of several sizes
            sample = super().transform(dict(results, img=_NO_PIXELS))['data_samples']
        else:
            sample = self._pack(results)
        return dict(inputs=inputs, data_samples=sample)

    def _pack(self, results: dict) -> PoseDataSample:
        """As mmpose packs samples with maps of one size or none, without copies."""
        people, labels = InstanceData(), InstanceData()
        for key, name in self._table(results, 'instance').items():
            if key in results:
                people.set_field(results[key], name)
        for key, name in self._table(results, 'label').items():
            if key in results:
                value = np.stack(results[key]) if isinstance(results[key], list) else results[key]
                labels.set_field(_as_tensor(value), name)
        sample = PoseDataSample()
        sample.gt_instances, sample.gt_instance_labels = people, labels
        maps = {name: _as_tensor(results[key]) for key, name in self._table(results, 'field').items()
                if key in results}
        if maps:
            sample.gt_fields = PixelData(**maps)
        for key in self.meta_keys:
            if key in results:
                sample.set_field(results[key], key, field_type='metainfo')
        return sample

    def _table(self, results: dict, kind: str) -> dict[str, str]:
        """Mapping table from keys to packed names: the codec's, or mmpose's."""
        name = f'{kind}_mapping_table'
        return results[name] if name in results else getattr(self, name)


def _as_tensor(value: Any) -> Any:
    """An array as a tensor of the same memory; anything else as it is."""
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def channels_first(image: np.ndarray) -> torch.Tensor:
    """An image (H, W, 3) as a tensor (3, H, W) of memory of its own."""
    channels = np.empty((3, *image.shape[:2]), image.dtype)
    cv2.split(np.ascontiguousarray(image), list(channels))  # several times faster than transposing
    return torch.from_numpy(channels)
