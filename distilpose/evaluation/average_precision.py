"""COCO's average precision from stored matches, for bootstrap draws of the images."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

RECALLS = np.linspace(0.0, 1.0, 101)  # pycocotools' recThrs


@dataclass(frozen=True)
class Matches:
    """Matches of COCO's evaluation: D detections at T thresholds of OKS, ordered by descending score."""

    hits: np.ndarray
    """(T, D) the detection is matched with a person."""
    misses: np.ndarray
    """(T, D) it is matched with no person; one that is neither hit nor miss is ignored."""
    images: np.ndarray
    """(D,) place of the detection's image among the I images."""
    people: np.ndarray
    """(I,) number of annotated people in each image."""


def match_detections(truth: Mapping[str, Any], detections: Sequence[Mapping[str, Any]], *,
                     sigmas: np.ndarray) -> Matches:
    """Matches detections and people of all sizes as COCO's own evaluation does.

    Args:
        truth: COCO's annotations; I is the number of their images, which are taken in the order of their ids.
        detections: COCO's results.
        sigmas: (K,) of the keypoints.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        annotated = COCO()
        annotated.dataset = dict(truth)
        annotated.createIndex()
        evaluation = COCOeval(annotated, annotated.loadRes([dict(entry) for entry in detections]), 'keypoints', sigmas)
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ['all']
        evaluation.evaluate()
        entries = [entry for entry in evaluation.evalImgs if entry is not None]  # pycocotools prints in between
    images = {number: place for place, number in enumerate(evaluation.params.imgIds)}
    people = np.zeros(len(images), dtype=np.int64)
    for entry in entries:
        people[images[entry['image_id']]] += np.count_nonzero(np.asarray(entry['gtIgnore']) == 0)
    where = np.concatenate([[images[entry['image_id']]] * len(entry['dtScores']) for entry in entries])
    order = np.argsort(-np.concatenate([entry['dtScores'] for entry in entries]), kind='mergesort')
    is_matched = np.concatenate([entry['dtMatches'] for entry in entries], axis=1)[:, order] > 0
    is_ignored = np.concatenate([entry['dtIgnore'] for entry in entries], axis=1)[:, order].astype(bool)
    return Matches(is_matched & ~is_ignored, ~is_matched & ~is_ignored, where[order].astype(np.int64), people)


def average_precision(matches: Matches, counts: np.ndarray | None = None) -> np.ndarray:
    """COCO's average precision at every threshold, of the images as they are or as they were drawn.

    An image that was drawn twice counts as two images with the same people and detections.

    Args:
        matches: from :func:`match_detections`.
        counts: (I,) how often each image was drawn; once each by default.

    Returns:
        (T,) in [0, 1], the mean of which is the figure called AP; NaN without an annotated person.
    """
    counts = np.ones(len(matches.people), dtype=np.int64) if counts is None else counts
    total = int((counts * matches.people).sum())
    if not total:
        return np.full(len(matches.hits), np.nan)
    if not matches.hits.shape[1]:
        return np.zeros(len(matches.hits))
    weights = counts[matches.images]
    hits = np.cumsum(matches.hits * weights, axis=1).astype(float)
    misses = np.cumsum(matches.misses * weights, axis=1).astype(float)
    precision = hits / (hits + misses + np.spacing(1))
    # The best precision at this recall or a higher one, and nothing beyond the recall that is reached.
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    precision = np.concatenate([precision, np.zeros((len(precision), 1))], axis=1)
    places = np.stack([np.searchsorted(recall, RECALLS, side='left') for recall in hits / total])
    return np.take_along_axis(precision, places, axis=1).mean(axis=1)


def only_keypoint(truth: Mapping[str, Any], keypoint: int) -> dict[str, Any]:
    """COCO's annotations as if nothing but one keypoint had been labelled; people without it become ignored."""
    annotations = []
    for annotation in truth['annotations']:
        triples = np.array(annotation['keypoints'], dtype=float).reshape(-1, 3)
        triples[np.arange(len(triples)) != keypoint, 2] = 0
        annotations.append(dict(annotation, keypoints=triples.flatten().tolist(),
                                num_keypoints=int(triples[keypoint, 2] > 0)))
    return {**truth, 'annotations': annotations}
