"""SimDR codecs: a joint is one class on each axis (SimDR), or a gaussian over the classes of an axis (SimDR*).

mmpose's ``SimCCLabel`` descends from them and differs: it rounds the gaussian's mean to a bin, measures its reach in
bins, and writes one-hot targets out.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS


def classify_coordinates(keypoints: np.ndarray, visible: np.ndarray, *, bins: tuple[int, int],
                         ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """The class of every joint on both axes: ``round(coordinate * ratio)``, halves to the even side.

    Args:
        keypoints: (N, K, 2) in input pixels.
        visible: (N, K), 0 where a joint is not labelled.
        bins: number of classes along x and y.
        ratio: bins of a pixel.

    Returns:
        (N, K, 2) int64 within the range of both axes, and (N, K) float32 weights: ``visible``, and 0 where a class
        was out of range. As the published implementation does, so the last ``0.5 / ratio`` pixels lose their joints.
    """
    classes = np.rint(keypoints * ratio).astype(np.int64)
    last = np.array(bins) - 1
    inside = ((classes >= 0) & (classes <= last)).all(axis=-1)
    return classes.clip(0, last), (visible * inside).astype(np.float32)


def draw_axis_gaussians(means: np.ndarray, count: int, *, sigma: float) -> np.ndarray:
    """Densities of normal distributions at the bins, neither cut off nor normalised again.

    Args:
        means: (N, K) in bins, not rounded.
        count: number of bins.
        sigma: in bins.

    Returns:
        (N, K, count) float32; a joint on the border sums to about a half.
    """
    distance = np.arange(count) - means[..., None]
    return (np.exp(-0.5 * (distance / sigma)**2) / (sigma * math.sqrt(2 * math.pi))).astype(np.float32)


class _SimDRCodec(BaseKeypointCodec):
    """Base of both codecs: the number of bins, and decoding, which is a division.

    Args:
        input_size: (width, height) of the image.
        simdr_split_ratio: bins of a pixel, k in the paper.
    """

    label_mapping_table = dict(keypoint_x_labels='keypoint_x_labels', keypoint_y_labels='keypoint_y_labels',
                               keypoint_weights='keypoint_weights')

    def __init__(self, input_size: tuple[int, int], simdr_split_ratio: float = 2.0) -> None:
        super().__init__()
        self.input_size = tuple(input_size)
        self.simdr_split_ratio = simdr_split_ratio
        self.bins = (int(input_size[0] * simdr_split_ratio), int(input_size[1] * simdr_split_ratio))

    def encode(self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Targets of joints (N, K, 2) in input pixels; ``keypoints_visible`` (N, K) is all ones by default."""
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2], dtype=np.float32)
        along_x, along_y, weights = self._labels(keypoints, keypoints_visible)
        along_x, along_y = map(np.ascontiguousarray, (along_x, along_y))  # which travel to a GPU in one piece
        return dict(keypoint_x_labels=along_x, keypoint_y_labels=along_y, keypoint_weights=weights)

    @abstractmethod
    def _labels(self, keypoints: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labels along x and y, and weights (N, K)."""

    def decode(self, simcc_x: np.ndarray, simcc_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joints (N, K, 2) in input pixels and scores (N, K) of distributions (N, K, Wx) and (N, K, Wy).

        The highest bin of an axis, divided by the split ratio. The score is the larger of both peaks, of whatever the
        distributions are. Heads decode with :func:`~distilpose.models.heads.simcc.decode_axes` instead,
        which has the published scores.
        """
        peaks = np.stack((simcc_x.argmax(axis=-1), simcc_y.argmax(axis=-1)), axis=-1)
        scores = np.maximum(simcc_x.max(axis=-1), simcc_y.max(axis=-1))
        return (peaks / self.simdr_split_ratio).astype(np.float32), scores


@KEYPOINT_CODECS.register_module()
class SimDRLabel(_SimDRCodec):
    """SimDR: the class of every joint on both axes (Li et al., 2021); label smoothing is the loss's.

    Labels are (N, K) int64, see :func:`classify_coordinates`.

    Args:
        input_size: (width, height) of the image.
        simdr_split_ratio: bins of a pixel, k in the paper.
    """

    def _labels(self, keypoints: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        classes, weights = classify_coordinates(keypoints, visible, bins=self.bins, ratio=self.simdr_split_ratio)
        return classes[..., 0], classes[..., 1], weights


@KEYPOINT_CODECS.register_module()
class SimDRGaussianLabel(_SimDRCodec):
    """SimDR*, "space-aware" SimDR: a gaussian over the bins of every axis, see :func:`draw_axis_gaussians`.

    Labels are (N, K, Wx) and (N, K, Wy) float32, all 0 where a joint has no weight. It has none where it is not
    labelled, and where it lies more than three sigmas outside of the image; as in the published implementation, sigma
    is in bins when the gaussian is drawn and in pixels when its reach is measured.

    Args:
        input_size: (width, height) of the image.
        simdr_split_ratio: bins of a pixel, k in the paper.
        sigma: standard deviation of the gaussian.
    """

    def __init__(self, input_size: tuple[int, int], simdr_split_ratio: float = 2.0, *, sigma: float = 4.0) -> None:
        super().__init__(input_size, simdr_split_ratio)
        self.sigma = sigma

    def _labels(self, keypoints: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        reach = 3 * self.sigma
        near = ((keypoints - reach < np.array(self.input_size)) & (keypoints + reach + 1 >= 0)).all(axis=-1)
        weights = (visible * near).astype(np.float32)
        along_x, along_y = (
            draw_axis_gaussians(keypoints[..., axis] * self.simdr_split_ratio, self.bins[axis], sigma=self.sigma)
            * (weights > 0)[..., None] for axis in (0, 1))
        return along_x, along_y, weights
