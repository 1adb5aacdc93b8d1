"""The slow steps of mmpose's ``CocoMetric`` between a network's answers and the evaluator, quick with equal results.

Most of its time goes into two places that are no evaluation: OKS of one person with the others of the image, computed
pair by pair, and the file of results, which JSON's encoder in Python writes because it is indented and streamed.
"""

from __future__ import annotations

import importlib
from typing import Any

import mmengine.fileio
import numpy as np
from mmpose.evaluation.metrics import coco_metric, coco_wholebody_metric

nms: Any = importlib.import_module('mmpose.evaluation.functional.nms')  # the package has a function of this name
pairwise_oks = nms.oks_iou
_MOST_PEOPLE = 100  # of an image, whose pairs are few enough to be computed even if most are suppressed early


def oks_iou(g: np.ndarray, d: np.ndarray, a_g: float | np.ndarray, a_d: np.ndarray, sigmas: np.ndarray | None = None,
            vis_thr: float | None = None) -> np.ndarray:
    """mmpose's function of this name, for all N people at once; the same floats, so that suppression keeps the same.

    Args:
        g: (K * 3,) x, y, score of one person's keypoints; or any shape (..., K * 3), with those of ``a_g`` and ``a_d``.
        d: (N, K * 3) those of the others.
        a_g: the one's area.
        a_d: (N,) the others'.
        sigmas: (K,) of the keypoints, by default COCO's.
        vis_thr: only keypoints with a higher score in both count; computed by mmpose's own function.

    Returns:
        (N,) float32.
    """
    if not len(d):
        return np.zeros(0, dtype=np.float32)
    if sigmas is None or vis_thr is not None:
        return pairwise_oks(g, d, a_g, a_d, sigmas, vis_thr)
    dx, dy = d[..., 0::3] - g[..., 0::3], d[..., 1::3] - g[..., 1::3]
    scales = (a_g + a_d) / 2 + np.spacing(1)
    errors = (dx ** 2 + dy ** 2) / (sigmas * 2) ** 2 / scales[..., None] / 2
    return (np.exp(-errors).sum(axis=-1) / errors.shape[-1]).astype(np.float32)


def oks_nms(kpts_db: list[dict[str, Any]], thr: float, sigmas: np.ndarray | None = None, vis_thr: float | None = None,
            score_per_joint: bool = False) -> np.ndarray:
    """mmpose's function of this name, which computes OKS of all pairs of an image's people at once.

    Args:
        kpts_db: N people with ``keypoints`` (K, 3), ``score`` and ``area``.
        thr: a person whose OKS with a surer one is above it is suppressed.
        sigmas: (K,) of the keypoints.
        vis_thr: left to mmpose's own function, as are scores of joints, and crowds.
        score_per_joint: whether scores are those of joints.

    Returns:
        Places of the people that are kept, the surest first.
    """
    if sigmas is None or vis_thr is not None or score_per_joint or not 0 < len(kpts_db) <= _MOST_PEOPLE:
        return nms.oks_nms(kpts_db, thr, sigmas, vis_thr, score_per_joint)
    people = np.array([person['keypoints'].flatten() for person in kpts_db])
    areas = np.array([person['area'] for person in kpts_db])
    overlaps = oks_iou(people[:, None], people[None], areas[:, None], areas[None], sigmas)
    kept, is_left = [], np.ones(len(people), dtype=bool)
    for person in np.array([person['score'] for person in kpts_db]).argsort()[::-1]:
        if is_left[person]:
            kept.append(person)
            is_left &= overlaps[person] <= thr
    return np.array(kept)


def dump(obj: Any, file: str, **options: Any) -> None:
    """mmengine's function of this name for JSON files, in one piece, not indented: the compiled encoder writes it."""
    options.pop('indent', None)
    mmengine.fileio.put_text(mmengine.fileio.dump(obj, file_format='json', **options), file)


def quicken_mmpose() -> None:
    """Lets mmpose's metrics use the functions above; numbers and kept people are the same."""
    nms.oks_iou = oks_iou
    coco_metric.oks_nms = oks_nms
    coco_metric.dump = coco_wholebody_metric.dump = dump
