"""Image batches: crops of one size are copied to the device, and normalised there, as one tensor."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from torch import Tensor
from torch.nn import functional as F

from .sample_transfer import cast_data

image_by_image = ImgDataPreprocessor.forward
"""mmengine's own, which :func:`forward` replaces."""


@functools.wraps(image_by_image)
def forward(self: ImgDataPreprocessor, data: Any, training: bool = False) -> Any:
    """mmengine's ``ImgDataPreprocessor.forward``, with the same values, at once for images of one size.

    mmengine moves, reorders and normalises every image of a list by itself, and reorders channels by a list of Python
    numbers: on CUDA each of both waits for the device. Here images travel through pinned memory and channels are
    flipped. Images of several sizes, and a preprocessor with a ``cast_data`` of its own, take mmengine's way.

    Args:
        self: of a model.
        data: ``inputs``, a list of (C, H, W) or a tensor (B, C, H, W), and ``data_samples``.
        training: unused, as in mmengine.
    """
    images = data.get('inputs') if isinstance(data, Mapping) else None
    if type(self).cast_data not in (cast_data, BaseDataPreprocessor.cast_data) or not _are_alike(self, images):
        return image_by_image(self, data, training)
    batch: Any = self.cast_data({**data, 'inputs': _on_device(images, self.device)})
    images = batch['inputs'].flip(1) if self._channel_conversion else batch['inputs']
    images = images.float()
    if self._enable_normalize:
        images = (images - self.mean).div_(self.std)
    height, width = images.shape[-2:]
    margins = 0, -width % self.pad_size_divisor, 0, -height % self.pad_size_divisor
    batch['inputs'] = F.pad(images, margins, 'constant', self.pad_value) if any(margins) else images
    batch.setdefault('data_samples', None)
    return batch


def _are_alike(preprocessor: ImgDataPreprocessor, images: Any) -> bool:
    """Whether images are a tensor of four dimensions, or tensors of three that can be stacked, with its channels."""
    if isinstance(images, Tensor):
        has_shape, first = images.dim() == 4, images[:1]
    else:
        if not isinstance(images, (list, tuple)) or not images or not all(map(torch.is_tensor, images)):
            return False
        first = images[0][None]
        has_shape = first.dim() == 4 and all(
            (image.shape, image.dtype, image.device) == (images[0].shape, images[0].dtype, images[0].device)
            for image in images)
    if not has_shape:
        return False
    needs_three = preprocessor._channel_conversion or (preprocessor._enable_normalize and len(preprocessor.mean) == 3)
    return first.shape[1] == 3 or not needs_three


def _on_device(images: Any, device: torch.device) -> Tensor:
    """(B, C, H, W) on a device; the copy to CUDA is asynchronous, from pinned memory."""
    if isinstance(images, Tensor):
        if device.type != 'cuda' or not images.is_cpu:
            return images.to(device)
        return (images if images.is_pinned() else images.pin_memory()).to(device, non_blocking=True)
    if device.type != 'cuda' or not images[0].is_cpu:
        return torch.stack(images).to(device)
    pinned = torch.empty(len(images), *images[0].shape, dtype=images[0].dtype, pin_memory=True)
    return torch.stack(images, out=pinned).to(device, non_blocking=True)
