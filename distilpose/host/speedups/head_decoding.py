"""Batched decoding of mmpose's heatmap heads, instead of sample by sample."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from mmengine.structures import InstanceData
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.models.heads.base_head import BaseHead
from torch import Tensor

from .heatmap_decoding import Joints, can_decode, dark, dark_udp, quarter_offset

sample_by_sample = BaseHead.decode
"""mmpose's own, which :func:`decode` replaces."""


@functools.wraps(sample_by_sample)
def decode(self: BaseHead, batch_outputs: Any) -> list[InstanceData]:
    """mmpose's ``BaseHead.decode``, at once for heatmaps of the codecs of :func:`batch_decoder`.

    Args:
        batch_outputs: (B, K, H, W) heatmaps, or what else the head's codec decodes. Only float32, and bfloat16, which
            becomes float32, is decoded at once: mmpose computes in the type of the heatmaps.

    Returns:
        For every sample its ``keypoints`` (1, K, 2) in input pixels and ``keypoint_scores`` (1, K) as arrays.
    """
    decode_at_once = batch_decoder(self.decoder)
    if decode_at_once is None or not can_decode(batch_outputs):
        return sample_by_sample(self, batch_outputs)
    keypoints, scores = decode_at_once(self.decoder, batch_outputs)
    if not np.isfinite(keypoints).all():  # of maps with a value that is not finite
        return sample_by_sample(self, batch_outputs)
    return [InstanceData(keypoints=keypoints[i:i + 1], keypoint_scores=scores[i:i + 1])
            for i in range(len(keypoints))]


def batch_decoder(codec: Any) -> Callable[[Any, Tensor], Joints] | None:
    """What does for a batch what the codec's ``decode`` does for a sample; None where mmpose's way is the only one.

    A codec whose ``decode`` is its own, or that decodes batches itself, is decoded by that.
    """
    if getattr(codec, 'heatmap_type', 'gaussian') != 'gaussian' or getattr(codec, 'support_batch_decoding', False):
        return None
    if 'decode' in getattr(codec, '__dict__', {}) or not _has_a_middle(getattr(codec, 'blur_kernel_size', None)):
        return None
    return _AT_ONCE.get(getattr(type(codec), 'decode', None))


def _has_a_middle(size: Any) -> bool:
    """Whether this is the size of a kernel with which mmpose can blur."""
    return isinstance(size, int) and size % 2 == 1 and size > 1


def _decode_msra(codec: MSRAHeatmap, heatmaps: Tensor) -> Joints:
    keypoints, scores = (dark(heatmaps, blur_kernel_size=codec.blur_kernel_size) if codec.unbiased
                         else quarter_offset(heatmaps))
    return keypoints * codec.scale_factor, scores


def _decode_udp(codec: UDPHeatmap, heatmaps: Tensor) -> Joints:
    keypoints, scores = dark_udp(heatmaps, blur_kernel_size=codec.blur_kernel_size)
    width, height = codec.heatmap_size
    return keypoints / [width - 1, height - 1] * codec.input_size, scores


_AT_ONCE: dict[Any, Callable[[Any, Tensor], Joints]] = {
    MSRAHeatmap.decode: _decode_msra, UDPHeatmap.decode: _decode_udp}
