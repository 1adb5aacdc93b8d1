"""OKS suppression of duplicates (NMS) for all images at once, with the people that mmpose keeps, in its order."""

from __future__ import annotations

import importlib

import numpy as np

_VALUES = 2 ** 21  # of an array of pairs x keypoints, so that a batch of images fits the cache
_SOFT_LIMIT = 20  # of people of an image, mmpose's default
MOST_PEOPLE = 100
"""Of an image, whose pairs are few enough to be computed even if most people are suppressed early."""


def oks(g: np.ndarray, d: np.ndarray, a_g: float | np.ndarray, a_d: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """(...) float32 OKS of people with keypoints (..., K, 3) and areas (...), as mmpose's ``oks_iou`` has it."""
    dx, dy = d[..., 0] - g[..., 0], d[..., 1] - g[..., 1]
    scales = (a_g + a_d) / 2 + np.spacing(1)
    errors = (dx ** 2 + dy ** 2) / (sigmas * 2) ** 2 / scales[..., None] / 2
    return (np.exp(-errors).sum(axis=-1) / errors.shape[-1]).astype(np.float32)


def suppress(keypoints: np.ndarray, scores: np.ndarray, areas: np.ndarray, *, counts: np.ndarray, sigmas: np.ndarray,
             threshold: float, soft: bool = False) -> np.ndarray:
    """Indices of the people that are kept: those of an image together, the highest score first.

    Images with equally many people are computed together.

    Args:
        keypoints: (P, K, 3) x, y, score; people of an image follow each other.
        scores: (P,)
        areas: (P,)
        counts: (I,) number of people in each image; one of more than :data:`MOST_PEOPLE` is left to mmpose.
        sigmas: (K,)
        threshold: a person whose OKS with one of a higher score is above it is suppressed.
        soft: whether scores are lowered by the OKS instead, until 20 people of an image are left.
    """
    order, is_kept = np.arange(len(scores)), np.ones(len(scores), dtype=bool)
    starts = np.cumsum(counts) - counts
    for count in np.unique(counts[counts > 1]).tolist():
        places = starts[counts == count, None] + np.arange(count)
        if count > MOST_PEOPLE:
            for rows in places:
                kept = _suppress_crowd(keypoints[rows], scores[rows], areas[rows], sigmas, threshold, soft)
                order[rows[:len(kept)]], is_kept[rows[len(kept):]] = rows[kept], False
            continue
        batch = max(1, _VALUES // (count * count * keypoints.shape[1]))
        for rows in np.split(places, range(batch, len(places), batch)):
            chosen = scores[rows].argsort(axis=1)[:, ::-1]
            people = np.take_along_axis(rows, chosen, axis=1)
            overlaps = _overlaps(keypoints[people], areas[people], sigmas)
            keep = _keep_soft if soft else _keep
            ranks, is_kept[rows] = keep(overlaps, scores[people], threshold)
            order[rows] = np.take_along_axis(people, ranks, axis=1)
    return order[is_kept]


def _suppress_crowd(keypoints: np.ndarray, scores: np.ndarray, areas: np.ndarray, sigmas: np.ndarray,
                    threshold: float, soft: bool) -> np.ndarray:
    """Places of the people of one image that mmpose's function keeps."""
    nms = importlib.import_module('mmpose.evaluation.functional.nms')  # the package has a function of this name
    people = [dict(keypoints=triples, score=score, area=area)
              for triples, score, area in zip(keypoints, scores, areas, strict=True)]
    return (nms.soft_oks_nms if soft else nms.oks_nms)(people, threshold, sigmas=sigmas)


def _overlaps(keypoints: np.ndarray, areas: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """(B, N, N) OKS of B images' people with keypoints (B, N, K, 3) and areas (B, N)."""
    ones, others = np.triu_indices(areas.shape[1], 1)
    found = np.zeros((*areas.shape, areas.shape[1]), dtype=np.float32)
    found[:, ones, others] = oks(keypoints[:, ones], keypoints[:, others], areas[:, ones], areas[:, others], sigmas)
    found[:, others, ones] = found[:, ones, others]
    return found


def _keep(overlaps: np.ndarray, scores: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """(B, N) order of the people, and which of them are kept, for people in the order of their scores."""
    count = overlaps.shape[1]
    is_left, is_apart = np.ones(overlaps.shape[:2], dtype=bool), overlaps <= threshold
    for first in range(count - 1):
        is_left[:, first + 1:] &= is_apart[:, first, first + 1:] | ~is_left[:, first, None]
    return np.broadcast_to(np.arange(count), is_left.shape), is_left


def _keep_soft(overlaps: np.ndarray, scores: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The same, where scores (B, N) of the others are lowered after each person that is kept."""
    count, images = overlaps.shape[1], np.arange(len(overlaps))[:, None]
    order, left = np.tile(np.arange(count), (len(overlaps), 1)), np.tile(np.arange(count), (len(overlaps), 1))
    for rank in range(min(count, _SOFT_LIMIT)):
        order[:, rank], left = left[:, 0], left[:, 1:]
        scores = scores[:, 1:] * np.exp(-overlaps[images, order[:, rank, None], left] ** 2 / threshold)
        again = scores.argsort(axis=1)[:, ::-1]
        left, scores = np.take_along_axis(left, again, axis=1), np.take_along_axis(scores, again, axis=1)
    return order, np.broadcast_to(np.arange(count) < _SOFT_LIMIT, order.shape)
