"""Heatmap codecs of published systems: decoding without refinement (SimDR's tables), and TokenPose's with DARK."""

from __future__ import annotations

import numpy as np
from mmpose.codecs import MSRAHeatmap
from mmpose.codecs.utils import get_heatmap_maximum
from mmpose.registry import KEYPOINT_CODECS
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from distilpose.host.speedups.heatmap_decoding import Joints, can_decode, dark, highest_cells
from distilpose.host.switch import speedups_are_on


@KEYPOINT_CODECS.register_module()
class UnrefinedHeatmap(MSRAHeatmap):
    """``MSRAHeatmap`` decoded without any refinement: a joint is at the highest cell.

    These are the rows of SimDR's tables without extra post-processing.
    """

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heatmaps (K, H, W) to joints (1, K, 2) in input pixels and scores (1, K)."""
        keypoints, scores = get_heatmap_maximum(encoded.copy())
        return keypoints[None] * self.scale_factor, scores[None]

    def batch_decode(self, batch_encoded: Tensor) -> Joints:
        """Heatmaps (B, K, H, W) to joints (B, 1, K, 2) in input pixels and scores (B, 1, K)."""
        if not can_decode(batch_encoded):
            return _sample_by_sample(self, batch_encoded)
        keypoints, scores = highest_cells(batch_encoded)
        return keypoints[:, None] * self.scale_factor, scores[:, None]

    @property
    def support_batch_decoding(self) -> bool:
        """Whether heads decode a batch at once: not if a subclass decodes otherwise, or speedups are off."""
        return type(self).decode is UnrefinedHeatmap.decode and speedups_are_on()


@KEYPOINT_CODECS.register_module()
class TokenPoseHeatmap(MSRAHeatmap):
    """Heatmaps whose last cell is the last pixel, drawn and decoded as DARK does; TokenPose's own.

    The gaussian is neither rounded to a cell nor cut off, and decoding blurs and takes one Newton step (Zhang et al.,
    CVPR 2020). It belongs to ``TopdownAffine(use_udp=True)``, and to a flip test without a shift.

    Args:
        input_size: (width, height) of the image.
        heatmap_size: (width, height) of the heatmap.
        sigma: of the gaussian, in cells.
        blur_kernel_size: of the decoding.
    """

    def __init__(self, input_size: tuple[int, int], heatmap_size: tuple[int, int], *, sigma: float,
                 blur_kernel_size: int = 11) -> None:
        super().__init__(input_size, heatmap_size, sigma=sigma, unbiased=True, blur_kernel_size=blur_kernel_size)
        self.scale_factor = ((np.array(input_size) - 1) / (np.array(heatmap_size) - 1)).astype(np.float32)

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heatmaps (K, H, W) to joints (1, K, 2) and scores (1, K).

        Joints come as mmpose maps them to the image, with the last pixel at ``input_size``, as those of its
        ``UDPHeatmap`` do.
        """
        keypoints, scores = super().decode(encoded)
        size = np.array(self.input_size, dtype=np.float32)
        return keypoints * (size / (size - 1)), scores

    def batch_decode(self, batch_encoded: Tensor) -> Joints:
        """Heatmaps (B, K, H, W) to joints (B, 1, K, 2), mapped as those of :meth:`decode`, and scores (B, 1, K)."""
        if not can_decode(batch_encoded):
            return _sample_by_sample(self, batch_encoded)
        keypoints, scores = dark(batch_encoded, blur_kernel_size=self.blur_kernel_size)
        size = np.array(self.input_size, dtype=np.float32)
        return keypoints[:, None] * self.scale_factor * (size / (size - 1)), scores[:, None]

    @property
    def support_batch_decoding(self) -> bool:
        """Whether heads decode a batch at once: not if a subclass decodes otherwise, or speedups are off."""
        return type(self).decode is TokenPoseHeatmap.decode and speedups_are_on()


def _sample_by_sample(codec: MSRAHeatmap, batch_encoded: Tensor) -> Joints:
    """The same by the codec's ``decode``, which computes in the type of the heatmaps."""
    decoded = [codec.decode(heatmaps) for heatmaps in to_numpy(batch_encoded)]
    return np.array([keypoints for keypoints, _ in decoded]), np.array([scores for _, scores in decoded])
