"""Metrics of the teacher report: average precision, PCK, bias, left and right, certainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distilpose.evaluation import average_precision, correct_keypoints, match_detections

from .predictions import Predictions

PCK_THRESHOLD = 0.1
"""Of the longer side of the person's annotated box."""
CERTAINTY_BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_COUNTED_FOR_SCORE = 0.2  # as mmpose's CocoMetric has it in keypoint_score_thr


def measure(predictions: Predictions, *, sigmas: np.ndarray, flip: Sequence[int],
            names: Sequence[str]) -> dict[str, Any]:
    """All figures.

    Args:
        predictions: of N people with K keypoints.
        sigmas: (K,) of the OKS; there is no AP where the data define another number of them.
        flip: for every keypoint the one that it is in the mirror.
        names: of the K keypoints.

    Returns:
        Plain numbers; shares are in [0, 1], ``None`` where there is nothing to count.
    """
    right, counted = correct(predictions, predictions.predicted), predictions.counted
    mean, has_partner = mean_pose(predictions), predictions.mask.any(0)
    has_sigmas = len(sigmas) == counted.shape[1]
    distance = predictions.predicted - predictions.people.keypoints
    error = (distance / predictions.extents[:, None] * predictions.cells)[right & counted]
    return dict(
        people=len(counted), people_with_joints=int(counted.any(1).sum()), joints=int(counted.sum()),
        masked=_share(~predictions.mask[:, has_partner], predictions.people.labelled[:, has_partner]),
        left_out=[names[index] for index in np.flatnonzero(~has_partner).tolist()],
        ap=_number(precision(predictions, predictions.coords, scores=_scores(predictions), sigmas=sigmas))
        if has_sigmas else None,
        pck=_share(right, counted),
        mean_pose=dict(ap=_number(precision(predictions, mean, scores=np.ones(len(mean)), sigmas=sigmas))
                       if has_sigmas else None,
                       pck=_share(correct(predictions, predictions.to_image(mean)), counted)),
        keypoints={name: dict(labelled=int(counted[:, index].sum()), pck=_share(right[:, index], counted[:, index]))
                   for index, name in enumerate(names)},
        bias=_bias(error, predictions.cells), sides=_sides(predictions, np.asarray(flip)),
        certainty=_certainty(predictions, right) if predictions.has_certainty else None,
        milliseconds_an_image=_number(1000 * predictions.seconds))


def correct(predictions: Predictions, predicted: np.ndarray, truth: np.ndarray | None = None) -> np.ndarray:
    """(N, K) which predictions are right by PCK@0.1 of the longer side of the annotated box."""
    truth = predictions.people.keypoints if truth is None else truth
    return correct_keypoints(predicted, truth, boxes=predictions.people.boxes, threshold=PCK_THRESHOLD)


def mean_pose(predictions: Predictions) -> np.ndarray:
    """(N, K, 2) the mean of the labels in the crop, the same for all people: a prediction that needs no image."""
    counted = predictions.counted[..., None]
    total = np.where(counted, predictions.truth, 0).sum(0)
    mean = total / np.maximum(counted.sum(0), 1)
    return np.broadcast_to(mean, predictions.coords.shape)


def precision(predictions: Predictions, coords: np.ndarray, *, scores: np.ndarray, sigmas: np.ndarray) -> float:
    """COCO's average precision of one prediction a person, over the keypoints that the teacher predicts.

    Args:
        predictions: with the labels.
        coords: (N, K, 2) predictions as fractions of the crop.
        scores: (N,) of the predictions.
        sigmas: (K,).
    """
    people, counted, predicted = predictions.people, predictions.counted, predictions.to_image(coords)
    truth = np.concatenate([people.keypoints, 2.0 * counted[..., None]], axis=-1)
    found = np.concatenate([predicted, np.ones((*predicted.shape[:2], 1))], axis=-1)
    annotations = [dict(id=place + 1, image_id=int(people.images[place]), category_id=1, iscrowd=0,
                        area=float(people.areas[place]), bbox=people.boxes[place].tolist(),
                        num_keypoints=int(counted[place].sum()), keypoints=truth[place].ravel().tolist())
                   for place in range(len(truth))]
    detections = [dict(image_id=int(people.images[place]), category_id=1, score=float(scores[place]),
                       keypoints=found[place].ravel().tolist()) for place in range(len(found))]
    images = [dict(id=int(number)) for number in np.unique(people.images)]
    matches = match_detections(dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')]),
                               detections, sigmas=np.asarray(sigmas))
    return float(average_precision(matches).mean())


def _scores(predictions: Predictions) -> np.ndarray:
    """(N,) the mean certainty of the joints above 0.2, as mmpose's CocoMetric rescores people."""
    counts = predictions.mask & (predictions.certainty > _COUNTED_FOR_SCORE)
    return np.where(counts, predictions.certainty, 0).sum(1) / np.maximum(counts.sum(1), 1)


def _bias(error: np.ndarray, cells: tuple[int, int]) -> dict[str, Any]:
    """The mean signed error of the joints that are right, and its standard error, in cells along x and y."""
    count = len(error)
    spread = error.std(axis=0) / np.sqrt(count) if count else np.full(2, np.nan)
    mean = error.mean(axis=0) if count else np.full(2, np.nan)
    return dict(x=_number(mean[0]), y=_number(mean[1]), error_of_x=_number(spread[0]), error_of_y=_number(spread[1]),
                cells=list(cells))


def _sides(predictions: Predictions, flip: np.ndarray) -> dict[str, Any]:
    """Left and right: how many joints are nearer to the mirrored joint, and PCK if all sides were exchanged."""
    predicted, truth = predictions.predicted, predictions.people.keypoints
    mirrored, has_mirrored = truth[:, flip], predictions.people.labelled[:, flip]
    pairs = predictions.counted & has_mirrored & (flip != np.arange(len(flip)))
    own, other = (np.linalg.norm(predicted - labels, axis=-1) for labels in (truth, mirrored))
    return dict(joints=int(pairs.sum()), swapped=_share(other < own, pairs),
                pck=_share(correct(predictions, predicted), pairs),
                pck_mirrored=_share(correct(predictions, predicted, mirrored), pairs))


def _certainty(predictions: Predictions, right: np.ndarray) -> list[dict[str, Any]]:
    """The share that is right in five bins of the certainty."""
    certainty, right = predictions.certainty[predictions.counted], right[predictions.counted]
    place = np.clip(np.digitize(certainty, CERTAINTY_BINS[1:-1]), 0, len(CERTAINTY_BINS) - 2)
    return [dict(above=low, below=high, joints=int((place == index).sum()), right=_share(right, place == index))
            for index, (low, high) in enumerate(zip(CERTAINTY_BINS[:-1], CERTAINTY_BINS[1:], strict=True))]


def _share(hits: np.ndarray, counted: np.ndarray) -> float | None:
    return float(hits[counted].mean()) if counted.any() else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
