"""Columns of the annotations that have keypoints: ids, boxes, image sizes and what their keypoints are like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import Entry, column, finite_values

_CHUNK = 8192
"""People whose keypoints are an array at a time."""
_FAR = 0.1
"""Of the longer side of an image: a keypoint that is farther outside is far."""
_MARGIN = 0.25
"""Of a box: keypoints so far outside are still near it."""


@dataclass(frozen=True)
class Images:
    """The N images of a file."""

    entries: Sequence[Entry]
    ids: np.ndarray
    """(N,) int64."""
    sizes: np.ndarray
    """(N, 2) width and height, NaN where they are no numbers above 0."""

    def rows(self, image_ids: np.ndarray) -> np.ndarray:
        """(M,) the row of each image id, -1 for an id that no image has."""
        order = np.argsort(self.ids, kind='stable')
        found = order[np.searchsorted(self.ids, image_ids, sorter=order).clip(max=len(order) - 1)]
        return np.where(self.ids[found] == image_ids, found, -1)


def read_sizes(images: Sequence[Entry]) -> np.ndarray:
    """(N, 2) width and height of the images, NaN where they are no numbers above 0."""
    sizes = np.array([[value if type(value) in (int, float) and 0 < value <= 1e9 else np.nan
                       for value in column(images, side)] for side in ('width', 'height')])
    return sizes.T.reshape(-1, 2)


@dataclass(frozen=True)
class People:
    """The N annotations of a file that have keypoints, as mmpose reads them."""

    entries: Sequence[Entry]
    ids: np.ndarray
    image_ids: np.ndarray
    boxes: np.ndarray | None
    """(N, 4) x, y, width, height in pixels; ``None`` where they are not read."""
    sizes: np.ndarray
    """(N, 2) width and height of the image of each, NaN where they are not known."""
    facts: Facts

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Facts:
    """What the keypoints of N people are like; (N,) arrays, of the lists of keypoints together."""

    labelled: np.ndarray
    """How many have a visibility above 0."""
    of_body: np.ndarray
    """The same of the first list only, which ``num_keypoints`` counts."""
    visible: np.ndarray
    """Of them, how many have a visibility above 1."""
    largest: np.ndarray
    """The largest coordinate, labelled or not: mmpose leaves out people without one above 0."""
    largest_labelled: np.ndarray
    """The same of labelled keypoints; -inf without any."""
    lowest_visibility: np.ndarray
    is_odd: np.ndarray
    """Whether a visibility is something else than 0, 1, 2."""
    at_origin: np.ndarray
    """How many labelled keypoints are at (0, 0)."""
    far: np.ndarray
    """How many labelled keypoints are far outside of the image."""
    near_box: np.ndarray
    """How many labelled keypoints are in the box, or near it."""
    in_corners: np.ndarray
    """How many labelled keypoints are in the box when it is read as left, top, right, bottom."""
    digests: np.ndarray
    """A number for all values of each, equal for equal ones."""


def read_facts(lists: Sequence[Sequence[list[Any]]], counts: Sequence[int], boxes: np.ndarray | None,
               sizes: np.ndarray) -> Facts | None:
    """Reads the keypoints of N people, some thousands at a time.

    Args:
        lists: for each field the lists of the people, of ``3 * count`` values.
        counts: keypoints of each field.
        boxes: (N, 4) of the people, if they have some.
        sizes: (N, 2) of their images, NaN where they are not known.

    Returns:
        The facts, ``None`` where a value is no finite number.
    """
    total = len(sizes)
    chunks = []
    for start in range(0, total, _CHUNK):
        rows = slice(start, min(start + _CHUNK, total))
        fields = [_values(of_field[rows], count) for of_field, count in zip(lists, counts, strict=True)]
        triples = [field for field in fields if field is not None]
        if len(triples) < len(fields):
            return None
        chunks.append(_facts_of(triples, None if boxes is None else boxes[rows], sizes[rows]))
    if not chunks:
        return _facts_of([np.zeros((0, count, 3)) for count in counts], None, sizes)
    return Facts(**{name: np.concatenate([getattr(chunk, name) for chunk in chunks])
                    for name in Facts.__dataclass_fields__})


def _values(lists: Sequence[list[Any]], count: int) -> np.ndarray | None:
    found = finite_values(lists, 3 * count * len(lists))
    return None if found is None else found.reshape(len(lists), count, 3)


def _facts_of(fields: Sequence[np.ndarray], boxes: np.ndarray | None, sizes: np.ndarray) -> Facts:
    """Of (n, K, 3) triples of each field."""
    triples = fields[0] if len(fields) == 1 else np.concatenate(fields, axis=1)
    of_body = fields[0].shape[1]
    weights = np.random.default_rng(0).random(triples.shape[1] * 3)
    x, y, visibility = np.ascontiguousarray(triples.transpose(2, 1, 0))  # (K, n): sums over K run along the people
    labelled, larger = visibility > 0, np.maximum(x, y)
    limits = np.where(np.isnan(sizes), np.inf, sizes)
    slack = np.where(np.isnan(sizes).any(1), np.inf, _FAR * sizes.max(1, initial=0))
    return Facts(
        labelled=labelled.sum(0),
        of_body=labelled[:of_body].sum(0),
        visible=(visibility[:of_body] > 1).sum(0),
        largest=larger.max(0, initial=-np.inf),
        largest_labelled=np.where(labelled, larger, -np.inf).max(0, initial=-np.inf),
        lowest_visibility=visibility.min(0, initial=0),
        is_odd=((visibility != 0) & (visibility != 1) & (visibility != 2)).any(0),
        at_origin=(labelled & (x == 0) & (y == 0)).sum(0),
        far=labelled.sum(0) - _count_inside(x, y, labelled, np.tile(-slack, (2, 1)).T, limits + slack[:, None]),
        near_box=_count_in_boxes(x, y, labelled, boxes, corners=False),
        in_corners=_count_in_boxes(x, y, labelled, boxes, corners=True),
        digests=triples.reshape(len(triples), weights.size) @ weights)


def _count_in_boxes(x: np.ndarray, y: np.ndarray, labelled: np.ndarray, boxes: np.ndarray | None, *,
                    corners: bool) -> np.ndarray:
    """(n,) how many of (K, n) labelled points are in the box of each; all without boxes."""
    if boxes is None:
        return labelled.sum(0)
    start = boxes[:, :2]
    end = boxes[:, 2:] if corners else start + boxes[:, 2:]
    margin = 1.0 if corners else 1.0 + _MARGIN * np.abs(end - start)
    return _count_inside(x, y, labelled, start - margin, end + margin)


def _count_inside(x: np.ndarray, y: np.ndarray, labelled: np.ndarray, start: np.ndarray,
                  end: np.ndarray) -> np.ndarray:
    """(n,) how many of (K, n) labelled points are between (n, 2) corners."""
    return (labelled & (x >= start[:, 0]) & (x <= end[:, 0]) & (y >= start[:, 1]) & (y <= end[:, 1])).sum(0)
