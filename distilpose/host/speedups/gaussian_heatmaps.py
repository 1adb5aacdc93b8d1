"""Targets of heatmap heads: the gaussians of all keypoints of a person at once, equal to mmpose's to the bit."""

from __future__ import annotations

import functools

import numpy as np
from mmpose.codecs.utils.gaussian_heatmap import generate_unbiased_gaussian_heatmaps as keypoint_by_keypoint


@functools.wraps(keypoint_by_keypoint)
def generate_unbiased_gaussian_heatmaps(heatmap_size: tuple[int, int], keypoints: np.ndarray,
                                        keypoints_visible: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Heatmaps (K, H, W) and weights (N, K); mmpose's function makes those of several people and other numbers.

    Args:
        heatmap_size: W, H.
        keypoints: (N, K, 2) in pixels of the heatmap.
        keypoints_visible: (N, K)
        sigma: in pixels of the heatmap.
    """
    if len(keypoints) != 1 or keypoints.dtype != np.float32 or type(sigma) not in (int, float):
        return keypoint_by_keypoint(heatmap_size, keypoints, keypoints_visible, sigma)
    width, height = heatmap_size
    left, top = np.moveaxis(keypoints - sigma * 3, -1, 0)
    right, bottom = np.moveaxis(keypoints + sigma * 3 + 1, -1, 0)
    is_visible = ~(keypoints_visible < 0.5)
    is_drawn = ~((left >= width) | (top >= height) | (right < 0) | (bottom < 0))
    weights = np.where(is_visible & ~is_drawn, 0, keypoints_visible).astype(keypoints_visible.dtype)
    x, y = (np.arange(0, size, 1, dtype=np.float32) for size in (width, height))
    columns, rows = (x - keypoints[0, :, :1]) ** 2, (y - keypoints[0, :, 1:]) ** 2
    heatmaps = columns[:, None] + rows[:, :, None]
    np.negative(heatmaps, out=heatmaps)
    heatmaps /= 2 * sigma ** 2
    np.exp(heatmaps, out=heatmaps)
    heatmaps[~(is_visible & is_drawn)[0]] = 0
    return heatmaps, weights
