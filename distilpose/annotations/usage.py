"""People of an annotation file that are used, and why others are left out: as mmpose and COCO's evaluation decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import MISSING, column
from .findings import Expected, listed
from .people import People

UNUSUAL = ('no box', 'box of no size', 'box outside of the image', 'num_keypoints 0 in spite of labelled keypoints',
           'no keypoint at a coordinate above 0', 'category that the file does not declare')
"""Reasons that are mistakes more often than not."""


@dataclass(frozen=True)
class Usage:
    """Who of the people with keypoints is used."""

    used: np.ndarray
    """(N,) of those with keypoints."""
    left_out: Mapping[str, int]
    """Reason -> how many annotations of the file."""
    places: Mapping[str, np.ndarray]
    """Reason -> which of those with keypoints."""

    def reasons(self) -> str:
        """``' (3 crowd, 1 box of no size)'``, or nothing."""
        named = listed(self.left_out)
        return f' ({named})' if named else ''


def count_used(people: People, categories: Sequence[Any], declared: Collection[int], expected: Expected, *,
               total: int) -> Usage:
    """Finds out who is used; people with several reasons to be left out count for the first.

    Args:
        people: those with keypoints.
        categories: the category of each.
        declared: categories of the file.
        expected: what is read of the file.
        total: annotations of the file.
    """
    crowd = np.array([bool(value) and value is not MISSING for value in column(people.entries, 'iscrowd')], dtype=bool)
    reasons: dict[str, np.ndarray] = {'crowd': crowd}
    of_people = _reasons_of_dataset(people) if expected.opens_images else _reasons_of_evaluator(people, expected)
    if expected.needs_categories:
        known = np.isin(np.array(categories, dtype=np.int64), list(declared))
        reasons = {'category that the file does not declare': ~known, **reasons}
    reasons.update(of_people)
    left = np.ones(len(people), dtype=bool)
    counts, places = {'without keypoints': total - len(people)}, {}
    for reason, applies in reasons.items():
        places[reason] = np.flatnonzero(applies & left)
        counts[reason] = len(places[reason])
        left &= ~applies
    return Usage(left, {reason: count for reason, count in counts.items() if count}, places)


def num_keypoints(people: People) -> np.ndarray:
    """(N,) ``num_keypoints``, -1 where it is missing or null."""
    values = [-1 if value is MISSING or value is None else value for value in column(people.entries, 'num_keypoints')]
    return np.array(values, dtype=np.int64)


def _reasons_of_dataset(people: People) -> dict[str, np.ndarray]:
    """Those of ``BaseCocoStyleDataset._is_valid_instance``, in its order."""
    facts, stored = people.facts, num_keypoints(people)
    is_labelled = facts.labelled > 0
    reasons = {'without labelled keypoints': (stored == 0) & ~is_labelled,
               'num_keypoints 0 in spite of labelled keypoints': (stored == 0) & is_labelled}
    if people.boxes is not None:
        reasons['no box'] = np.isnan(people.boxes).any(axis=1)
        reasons['box of no size'] = (people.boxes[:, 2:] <= 0).any(axis=1)
        reasons['box outside of the image'] = _is_outside(people.boxes, people.sizes)
    at_zero = facts.largest <= 0
    reasons['no keypoint at a coordinate above 0'] = at_zero & is_labelled
    reasons['without labelled keypoints'] |= at_zero & ~is_labelled
    return reasons


def _is_outside(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(N,) whether nothing is left of a box that is cut at the edges of its image, in float32 as mmpose cuts it."""
    most = np.where(np.isnan(sizes), np.inf, sizes - 1)
    start = np.clip(boxes[:, :2], 0, most).astype(np.float32)
    end = np.clip(boxes[:, :2] + boxes[:, 2:], 0, most).astype(np.float32)
    return (end - start <= 0).any(axis=1)


def _reasons_of_evaluator(people: People, expected: Expected) -> dict[str, np.ndarray]:
    is_ignored = people.facts.labelled == 0
    if expected.is_crowd_metric:
        is_ignored = num_keypoints(people) == 0
    return {'without labelled keypoints': is_ignored}
