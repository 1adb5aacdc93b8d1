"""Faster steps of mmpose's ``CocoMetric`` between a network's predictions and the evaluator, with equal results.

Most of its time goes into two places that are no evaluation: OKS of one person with the others of the image, computed
pair by pair, and the file of results, which JSON's encoder in Python writes because it is indented and streamed.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

import mmengine.fileio
import numpy as np

from .suppression import MOST_PEOPLE, oks, suppress

nms: Any = importlib.import_module('mmpose.evaluation.functional.nms')  # the package has a function of this name
pairwise_oks = nms.oks_iou
"""mmpose's own, which :func:`oks_iou` replaces."""
pairwise_nms = nms.oks_nms
"""mmpose's own, which :func:`oks_nms` replaces."""
indented_dump = mmengine.fileio.dump
"""mmengine's own, which :func:`dump` replaces in two metrics of mmpose."""
_OF_RESULTS = dict(sort_keys=True, indent=4)  # with these options mmpose's metrics write their results


@functools.wraps(pairwise_oks)
def oks_iou(g: np.ndarray, d: np.ndarray, a_g: float | np.ndarray, a_d: np.ndarray, sigmas: np.ndarray | None = None,
            vis_thr: float | None = None) -> np.ndarray:
    """mmpose's function of this name, for all N people at once; the same floats, so that suppression keeps the same.

    Args:
        g: (K * 3,) x, y, score of one person's keypoints.
        d: (N, K * 3) those of the others.
        a_g: the one's area.
        a_d: (N,) the others'.
        sigmas: (K,) of the keypoints; COCO's, if not given, are left to mmpose's own function.
        vis_thr: only keypoints with a higher score in both count; left to mmpose's own function.

    Returns:
        (N,) float32.
    """
    if vis_thr is not None or not _are_arrays(g, d, a_d, sigmas) or not isinstance(a_g, (float, np.floating)):
        return pairwise_oks(g, d, a_g, a_d, sigmas, vis_thr)
    assert sigmas is not None
    if g.ndim != 1 or d.ndim != 2 or a_d.shape != d.shape[:1] or not (len(g) == d.shape[1] == 3 * len(sigmas) > 0):
        return pairwise_oks(g, d, a_g, a_d, sigmas, vis_thr)
    return oks(g.reshape(-1, 3), d.reshape(len(d), len(sigmas), 3), a_g, a_d, sigmas)


def _are_arrays(*values: Any) -> bool:
    return all(type(value) is np.ndarray and value.dtype in (np.float32, np.float64) for value in values)


@functools.wraps(pairwise_nms)
def oks_nms(kpts_db: list[dict[str, Any]], thr: float, sigmas: np.ndarray | None = None, vis_thr: float | None = None,
            score_per_joint: bool = False) -> np.ndarray:
    """mmpose's function of this name, which computes OKS of all pairs of an image's people at once.

    Args:
        kpts_db: N people with ``keypoints`` (K, 3), ``score`` and ``area``.
        thr: a person whose OKS with one of a higher score is above it is suppressed.
        sigmas: (K,) of the keypoints.
        vis_thr: left to mmpose's own function, as are scores of joints, and crowds.
        score_per_joint: whether scores are those of joints.

    Returns:
        Places of the people that are kept, the highest score first.
    """
    is_usual = vis_thr is None and not score_per_joint and isinstance(thr, (int, float)) and _are_arrays(sigmas)
    if not is_usual or not 0 < len(kpts_db) <= MOST_PEOPLE:
        return pairwise_nms(kpts_db, thr, sigmas, vis_thr, score_per_joint)
    scores = np.array([person['score'] for person in kpts_db])
    people = np.array([person['keypoints'].flatten() for person in kpts_db])
    areas = np.array([person['area'] for person in kpts_db])
    assert sigmas is not None
    if not _are_arrays(people, areas) or not scores.ndim == areas.ndim == sigmas.ndim == 1 or (
            people.shape != (len(areas), 3 * len(sigmas))) or not len(sigmas):
        return pairwise_nms(kpts_db, thr, sigmas, vis_thr, score_per_joint)
    return suppress(people.reshape(len(areas), -1, 3), scores, areas, counts=np.array([len(areas)]), sigmas=sigmas,
                    threshold=thr)


@functools.wraps(indented_dump)
def dump(obj: Any, file: Any = None, file_format: str | None = None, *args: Any, **options: Any) -> Any:
    """mmengine's function of this name; the result files of mmpose's metrics are written in one line.

    Those are JSON files that are to be indented by 4: without indentation the compiled encoder writes them.
    """
    is_file = isinstance(file, (str, Path)) and str(file).endswith('.json')
    if not is_file or file_format not in (None, 'json') or args or options != _OF_RESULTS:
        return indented_dump(obj, file, file_format, *args, **options)
    mmengine.fileio.put_text(indented_dump(obj, file_format='json', sort_keys=True), str(file))
    return None
