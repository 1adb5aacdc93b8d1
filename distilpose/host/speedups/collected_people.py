"""Predictions that ``CocoMetric`` has collected, as arrays: finite, converted, without repeated samples, by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from distilpose.host.finite_predictions import log_left_out

_COLUMNS = dict(points='keypoints', joint_scores='keypoint_scores', box_scores='bbox_scores', areas='areas',
                boxes='bbox')


@dataclass(frozen=True)
class People:
    """Predictions of P people, as ``CocoMetric.process`` collects them."""

    ids: np.ndarray | None
    """(P,) number of the sample; None for samples of several people, of which no two are the same."""
    images: np.ndarray
    """(P,)"""
    categories: np.ndarray
    """(P,)"""
    points: np.ndarray
    """(P, K, 2)"""
    joint_scores: np.ndarray
    """(P, K)"""
    box_scores: np.ndarray
    """(P,)"""
    areas: np.ndarray | None
    """(P,) of the boxes."""
    boxes: np.ndarray | None
    """(P, 4) x, y, width, height."""

    def __getitem__(self, chosen: np.ndarray) -> People:
        rows = {name: values[chosen] for name, values in vars(self).items() if values is not None}
        return replace(self, **rows)


def gather(predictions: list[Mapping[str, Any]]) -> People | None:
    """The people of all predictions, or None if those are not arrays of one kind."""
    if not predictions or len(set(map(frozenset, predictions))) > 1:
        return None
    columns: dict[str, Any] = {name: _concatenate([prediction[key] for prediction in predictions])
                               for name, key in _COLUMNS.items() if key in predictions[0]}
    numbers: dict[str, Any] = {name: _integers([prediction[key] for prediction in predictions])
                               for name, key in dict(images='img_id', categories='category_id').items()}
    if any(column is None for column in (*columns.values(), *numbers.values())):
        return None
    samples = [prediction['id'] for prediction in predictions]
    ids = _integers(samples)
    if ids is None and not all(isinstance(sample, Sequence) for sample in samples):
        return None
    counts = [len(prediction['keypoints']) for prediction in predictions]
    if any([len(prediction[_COLUMNS[name]]) for prediction in predictions] != counts for name in columns):
        return None
    people = People(ids=ids, **numbers, **dict(areas=None, boxes=None) | columns)
    return _checked(replace(people, **{name: np.repeat(values, counts) for name, values in vars(people).items()
                                       if name in ('ids', *numbers) and values is not None}))


def _concatenate(arrays: list[Any]) -> np.ndarray | None:
    """The rows of all arrays, which are of one kind, or None."""
    if set(map(type, arrays)) != {np.ndarray} or len({(array.dtype, array.shape[1:]) for array in arrays}) > 1:
        return None
    return np.concatenate(arrays) if arrays[0].ndim and arrays[0].dtype in (np.float32, np.float64) else None


def _integers(values: list[Any]) -> np.ndarray | None:
    kinds = set(map(type, values))
    return np.array(values) if all(kind is int or issubclass(kind, np.integer) for kind in kinds) else None


def _checked(people: People) -> People | None:
    """The people if their arrays have the shapes that mmpose reads."""
    if people.points.ndim != 3:
        return None
    count, keypoints = people.points.shape[:2]
    shapes = dict(points=(count, keypoints, 2), joint_scores=(count, keypoints), box_scores=(count,), areas=(count,),
                  boxes=(count, 4))
    is_right = all(getattr(people, name) is None or getattr(people, name).shape == shape
                   for name, shape in shapes.items())
    return people if is_right and keypoints else None


def keep_finite(people: People) -> People:
    """Those without NaN; the log has how many others there are."""
    is_finite = np.isfinite(people.points).all(axis=(1, 2)) & np.isfinite(people.joint_scores).all(axis=1)
    is_finite &= np.isfinite(people.box_scores)
    if people.areas is not None:
        is_finite &= np.isfinite(people.areas)
    if is_finite.all():
        return people
    log_left_out(int((~is_finite).sum()), len(is_finite), image=people.images[~is_finite][0])
    return people[is_finite]


def convert(people: People, *, num_keypoints: int, mapping: Sequence[tuple[Any, int]]) -> People:
    """With other keypoints, as mmpose's ``transform_pred`` makes them."""
    sources, targets = map(list, zip(*mapping, strict=True)) if mapping else ([], [])
    points = np.zeros((len(people.points), num_keypoints, 2), dtype=people.points.dtype)
    scores = np.zeros((len(people.points), num_keypoints), dtype=people.joint_scores.dtype)
    points[:, targets], scores[:, targets] = people.points[:, sources], people.joint_scores[:, sources]
    return replace(people, points=points, joint_scores=scores)


def group_by_image(people: People) -> tuple[People, np.ndarray]:
    """People by image, in the order of the first of each, and (I,) how many each image has.

    Of predictions for the same sample the first is kept, and samples are in the order of their numbers.
    """
    _, first, inverse, counts = np.unique(people.images, return_index=True, return_inverse=True, return_counts=True)
    places = first.argsort().argsort()[inverse]
    if people.ids is None:
        return people[places.argsort(kind='stable')], counts[first.argsort()]
    order = np.lexsort((people.ids, places))
    ids, places = people.ids[order], places[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (ids[1:] != ids[:-1]) | (places[1:] != places[:-1])
    return people[order[is_new]], np.bincount(places[is_new], minlength=len(counts))
