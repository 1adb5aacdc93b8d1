"""Metrics of coordinates without their scores: PCK and OKS."""

from __future__ import annotations

from typing import Any

import numpy as np

NOTHING_TO_EVALUATE = -1.0
"""What COCO's evaluation gives as a figure where there is nothing to evaluate."""


def is_a_figure(value: Any) -> bool:
    """Whether a figure of an evaluation is one: a finite number, and not the -1 of COCO for nothing to evaluate.

    Args:
        value: a number of Python, numpy or torch, or anything else, which is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):  # the latter of a tensor with several elements
        return False
    return not isinstance(value, (str, bool)) and bool(np.isfinite(number)) and number != NOTHING_TO_EVALUATE


def keypoint_similarity(predicted: np.ndarray, truth: np.ndarray, *, areas: np.ndarray,
                        sigmas: np.ndarray) -> np.ndarray:
    """The terms that COCO's OKS averages: exp(-d^2 / (2 s^2 (2 sigma)^2)) of every joint.

    Args:
        predicted: (N, K, 2) in image pixels.
        truth: (N, K, 2).
        areas: (N,) s^2, in square pixels.
        sigmas: (K,) COCO's constants.

    Returns:
        (N, K) in [0, 1], also of joints that are not labelled; 0 where the prediction is not finite.
    """
    variance = 2 * np.maximum(areas, 1e-9)[:, None] * (2 * sigmas[None]) ** 2
    is_finite = np.isfinite(predicted).all(axis=-1)
    distances = np.where(is_finite[..., None], predicted - truth, 0)
    return np.exp(-(distances ** 2).sum(axis=-1) / variance) * is_finite


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
    similarity = keypoint_similarity(predicted, truth, areas=areas, sigmas=sigmas) * labelled
    count = labelled.sum(axis=1)
    return np.divide(similarity.sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0)


def correct_keypoints(predicted: np.ndarray, truth: np.ndarray, *, boxes: np.ndarray,
                      threshold: float = 0.1) -> np.ndarray:
    """Which joints are no farther from the truth than a fraction of the longer side of the person's box.

    Args:
        predicted: (N, K, 2) in image pixels.
        truth: (N, K, 2).
        boxes: (N, 4) x, y, width, height.
        threshold: the fraction.

    Returns:
        (N, K) booleans, also of joints that are not labelled.
    """
    return np.linalg.norm(predicted - truth, axis=-1) / boxes[:, 2:].max(axis=1, keepdims=True) <= threshold


def share_of_correct_keypoints(predicted: np.ndarray, truth: np.ndarray, *, labelled: np.ndarray, boxes: np.ndarray,
                               threshold: float = 0.1) -> float:
    """PCK: the share of labelled joints that are correct.

    Args:
        predicted: (N, K, 2) in image pixels.
        truth: (N, K, 2).
        labelled: (N, K).
        boxes: (N, 4) x, y, width, height.
        threshold: as for :func:`correct_keypoints`.

    Returns:
        A share in [0, 1], NaN when nothing is labelled.
    """
    correct = correct_keypoints(predicted, truth, boxes=boxes, threshold=threshold)
    return float(correct[labelled].mean()) if labelled.any() else float('nan')
