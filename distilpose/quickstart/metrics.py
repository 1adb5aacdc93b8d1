"""How good coordinates are, whatever confidence comes with them."""

from __future__ import annotations

import numpy as np


def object_keypoint_similarity(predicted: np.ndarray, truth: np.ndarray, *, labelled: np.ndarray, areas: np.ndarray,
                               sigmas: np.ndarray) -> np.ndarray:
    """COCO's OKS of each prediction with its own ground truth.

    Args:
        predicted: (N, K, 2) in image pixels.
        truth: (N, K, 2).
        labelled: (N, K) which joints are annotated.
        areas: (N,) in square pixels.
        sigmas: (K,) COCO's constants.

    Returns:
        (N,) in [0, 1], NaN for a person without a labelled joint.
    """
    variance = 2 * np.maximum(areas, 1e-9)[:, None] * (2 * sigmas[None]) ** 2
    similarity = np.exp(-((predicted - truth) ** 2).sum(axis=-1) / variance) * labelled
    count = labelled.sum(axis=1)
    return np.divide(similarity.sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0)


def share_of_correct_keypoints(predicted: np.ndarray, truth: np.ndarray, *, labelled: np.ndarray, boxes: np.ndarray,
                               threshold: float = 0.1) -> float:
    """PCK: labelled joints no farther from the truth than a fraction of the longer side of the person's box.

    Args:
        predicted: (N, K, 2) in image pixels.
        truth: (N, K, 2).
        labelled: (N, K).
        boxes: (N, 4) x, y, width, height.
        threshold: the fraction.

    Returns:
        A share in [0, 1], NaN when nothing is labelled.
    """
    distance = np.linalg.norm(predicted - truth, axis=-1) / boxes[:, 2:].max(axis=1, keepdims=True)
    return float((distance[labelled] <= threshold).mean()) if labelled.any() else float('nan')
