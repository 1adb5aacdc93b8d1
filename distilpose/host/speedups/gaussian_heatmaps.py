"""Targets of heatmap heads: the gaussians of all keypoints of a person at once, equal to mmpose's to the bit."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from mmpose.codecs.utils import gaussian_heatmap

HeatmapsAndWeights = tuple[np.ndarray, np.ndarray]
"""Heatmaps (K, H, W) and weights (N, K)."""


def _of_one_person(function: Callable[..., HeatmapsAndWeights]) -> Callable[..., HeatmapsAndWeights]:
    """A function in the place of mmpose's of the same name, which makes those of several people and other numbers."""
    original = getattr(gaussian_heatmap, function.__name__)

    @functools.wraps(original)
    def generate(heatmap_size: tuple[int, int], keypoints: np.ndarray, keypoints_visible: np.ndarray,
                 sigma: Any) -> HeatmapsAndWeights:
        if len(keypoints) != 1 or keypoints.dtype != np.float32 or type(sigma) not in (int, float):
            return original(heatmap_size, keypoints, keypoints_visible, sigma)
        return function(heatmap_size, keypoints, keypoints_visible, sigma)
    return generate


@_of_one_person
def generate_unbiased_gaussian_heatmaps(heatmap_size: tuple[int, int], keypoints: np.ndarray,
                                        keypoints_visible: np.ndarray, sigma: float) -> HeatmapsAndWeights:
    """Gaussians around keypoints (DarkPose), over the whole heatmap.

    Args:
        heatmap_size: W, H.
        keypoints: (1, K, 2) in pixels of the heatmap.
        keypoints_visible: (1, K)
        sigma: in pixels of the heatmap.
    """
    is_drawn, weights = _drawn(heatmap_size, keypoints_visible, first=keypoints - sigma * 3,
                               end=keypoints + sigma * 3 + 1)
    x, y = (np.arange(0, size, 1, dtype=np.float32) for size in heatmap_size)
    heatmaps = _gaussians(x - keypoints[0, :, :1], y - keypoints[0, :, 1:], sigma)
    heatmaps[~is_drawn] = 0
    return heatmaps, weights


@_of_one_person
def generate_gaussian_heatmaps(heatmap_size: tuple[int, int], keypoints: np.ndarray, keypoints_visible: np.ndarray,
                               sigma: float) -> HeatmapsAndWeights:
    """Gaussians around the pixels of keypoints, cut off at three sigma; arguments as above."""
    cells, middle = _window(sigma)
    distances = cells - middle
    return _in_windows(heatmap_size, keypoints, keypoints_visible, sigma, _gaussians(distances, distances, sigma))


@_of_one_person
def generate_udp_gaussian_heatmaps(heatmap_size: tuple[int, int], keypoints: np.ndarray,
                                   keypoints_visible: np.ndarray, sigma: float) -> HeatmapsAndWeights:
    """Gaussians around keypoints (UDP), cut off at three sigma from their pixels; arguments as above."""
    cells, middle = _window(sigma)
    centers = middle + (keypoints[0] - _pixels(keypoints)[0])
    gaussians = _gaussians(cells - centers[:, :1], cells - centers[:, 1:], sigma)
    return _in_windows(heatmap_size, keypoints, keypoints_visible, sigma, gaussians)


def _drawn(heatmap_size: tuple[int, int], keypoints_visible: np.ndarray, *, first: np.ndarray,
           end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which keypoints are drawn (K,), and the weights of all (1, K), from the pixels (1, K, 2) that they cover."""
    is_visible = ~(keypoints_visible < 0.5)
    is_inside = ~((first >= heatmap_size) | (end < 0)).any(axis=-1)
    weights = np.where(is_visible & ~is_inside, 0, keypoints_visible).astype(keypoints_visible.dtype)
    return (is_visible & is_inside)[0], weights


def _gaussians(from_x: np.ndarray, from_y: np.ndarray, sigma: float) -> np.ndarray:
    """(..., H, W) from the distances (..., W) and (..., H) to the centers."""
    found = from_x[..., None, :] ** 2 + from_y[..., :, None] ** 2
    np.negative(found, out=found)
    found /= 2 * sigma ** 2
    return np.exp(found, out=found)


def _window(sigma: float) -> tuple[np.ndarray, float]:
    """Cells (S,) of a window that reaches three sigma to each side, and its middle."""
    size = 2 * (sigma * 3) + 1
    return np.arange(0, size, 1, dtype=np.float32), size // 2


def _pixels(keypoints: np.ndarray) -> np.ndarray:
    return (keypoints + 0.5).astype(np.int64)


def _in_windows(heatmap_size: tuple[int, int], keypoints: np.ndarray, keypoints_visible: np.ndarray, sigma: float,
                gaussians: np.ndarray) -> HeatmapsAndWeights:
    """Heatmaps that are 0 outside the windows of three sigma around the pixels of keypoints.

    Args:
        heatmap_size: W, H.
        keypoints: (1, K, 2)
        keypoints_visible: (1, K)
        sigma: in pixels.
        gaussians: (K, S, S), or (S, S) for all.
    """
    pixels = _pixels(keypoints)
    first, end = (edges.astype(np.int64) for edges in (pixels - sigma * 3, pixels + sigma * 3 + 1))
    is_drawn, weights = _drawn(heatmap_size, keypoints_visible, first=first, end=end)
    (width, height), (count, size) = heatmap_size, (keypoints.shape[1], gaussians.shape[-1])
    windows = first[0, :, :, None] + np.arange(size)  # (K, 2, S)
    is_inside = (windows >= 0) & (windows < np.minimum(heatmap_size, end[0])[..., None]) & is_drawn[:, None, None]
    is_inside = is_inside[:, 1, :, None] & is_inside[:, 0, None]
    rows = np.arange(count)[:, None] * height + windows[:, 1]
    places = rows[..., None] * width + windows[:, 0, None]
    heatmaps = np.zeros((count, height, width), np.float32)
    heatmaps.reshape(-1)[places[is_inside]] = np.broadcast_to(gaussians, is_inside.shape)[is_inside]
    return heatmaps, weights
