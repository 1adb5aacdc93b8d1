"""Finite predictions: those with NaN are dropped before COCO's metrics, in which NaN matches every person."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

_OF_INSTANCES = ('keypoints', 'keypoint_scores', 'bbox_scores', 'areas')
"""Arrays of a prediction, with one row for each of its instances, that matching and suppression read."""


def drop_non_finite_predictions() -> None:
    """Lets mmpose's ``CocoMetric``, and the metrics that inherit from it, leave out what is not finite.

    COCO's matching takes a similarity of NaN for a match, so that a network of NaN would get a high AP; in the
    suppression of duplicates NaN comes first and suppresses everybody else.
    """
    from mmpose.evaluation.metrics import CocoMetric

    from .speedups import keypoint_results
    from .xtcoco_annotations import SPEEDUPS

    original = CocoMetric.compute_metrics

    @functools.wraps(original)
    def compute_metrics(self: Any, results: Sequence[tuple[Mapping[str, Any], Any]]) -> dict[str, float]:
        found = keypoint_results.compute_metrics(self, results) if SPEEDUPS['results in arrays'] else None
        return original(self, keep_finite(results)) if found is None else found

    CocoMetric.compute_metrics = compute_metrics


def keep_finite(results: Sequence[tuple[Mapping[str, Any], Any]]) -> list[tuple[Mapping[str, Any], Any]]:
    """Results of ``CocoMetric`` without the instances that have a coordinate, score or area that is not finite.

    Args:
        results: a prediction with N instances and its ground truth each; ``keypoints`` is (N, K, 2),
            ``keypoint_scores`` (N, K), ``bbox_scores`` and perhaps ``areas`` (N,).

    Returns:
        As many results; the log has how many instances were left out, and in which image the first is.
    """
    masks = [_finite_instances(prediction) for prediction, _ in results]
    broken = [place for place, mask in enumerate(masks) if not mask.all()]
    if not broken:
        return list(results)
    log_left_out(sum(int((~mask).sum()) for mask in masks), sum(map(len, masks)),
                 image=results[broken[0]][0].get('img_id'))
    kept = list(results)
    for place in broken:
        prediction, truth = results[place]
        kept[place] = _select(prediction, masks[place]), truth
    return kept


def log_left_out(count: int, total: int, *, image: Any) -> None:
    """Warns of predictions that are not finite, of which an image has the first."""
    print_log(f'{count} of {total} predictions are not finite: they have NaN or infinite coordinates or scores, the '
              f'first in image {image}. They are left out, and their people count as missed; look for NaN in the '
              'weights of the network', 'current', logging.WARNING)


def _finite_instances(prediction: Mapping[str, Any]) -> np.ndarray:
    """(N,) which instances are finite."""
    mask = np.ones(len(prediction['keypoints']), dtype=bool)
    for name in _OF_INSTANCES:
        if name in prediction:
            is_finite = np.isfinite(_array(prediction[name]))
            mask &= is_finite.all(axis=tuple(range(1, is_finite.ndim)))
    return mask


def _select(prediction: Mapping[str, Any], mask: np.ndarray) -> dict[str, Any]:
    """The prediction with those of its instances that the mask has."""
    names = [name for name in (*_OF_INSTANCES, 'bbox') if name in prediction]
    return {**prediction, **{name: _array(prediction[name])[mask] for name in names}}


def _array(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if hasattr(values, 'detach') else np.asarray(values)
