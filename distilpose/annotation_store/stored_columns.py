"""Columns of an annotation file: the people that mmpose's top-down data sets use, as arrays and JSON texts.

The order is that of mmpose's data sets: image by image, and in an image as in the file. What is computed here equals
``BaseCocoStyleDataset.parse_data_info`` and ``_is_valid_instance`` to the bit, for all people at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from distilpose.annotations import images_with_people
from distilpose.host.data_files import KEYPOINT_FIELDS

from .entry_texts import EntryTexts

Entry = dict[str, Any]

_LARGEST_EXACT = 2.0**53
"""Whole numbers up to here are exact in float64, in which boxes are computed."""
_AREA_OF_BOX = 0.53
"""What mmpose takes where an annotation has no area."""


class Unusual(Exception):
    """A file whose content has no place in columns; mmpose reads it."""


@dataclass
class Columns:
    """What is stored of an annotation file."""

    arrays: dict[str, np.ndarray]
    """Name -> one row an image (``image_``) or a person."""
    texts: dict[str, Iterable[bytes]]
    """Name -> the JSON of each image (``images``) or person (``people``)."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Plain data that are no columns."""


def annotation_columns(content: Mapping[str, Any], texts: EntryTexts | None = None) -> Columns:
    """The columns of an annotation file in COCO format.

    Args:
        content: the parsed JSON; not changed.
        texts: of its entries.

    Raises:
        Unusual: ids that repeat or are no whole numbers, keypoints of different numbers, and the like; with the reason.
    """
    try:
        return _columns(content, texts or EntryTexts())
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Unusual(f'{type(error).__name__}: {error}') from error


def _columns(content: Mapping[str, Any], texts: EntryTexts) -> Columns:
    images = content['images']
    image_ids = _whole([image['id'] for image in images], 'ids of images')
    place = _places(image_ids, 'ids of images')
    names = [image['file_name'] for image in images]
    _require(set(map(type, names)) <= {str}, 'file names that are no text')
    sizes = _numbers([(image['width'], image['height']) for image in images], 2, 'sizes of images')
    annotations = content.get('annotations', [])
    order, image_of_person = _in_order(annotations, place)
    people = [annotations[index] for index in order.tolist()]
    xywh = _numbers([person.get('bbox', (0, 0, 0, 0)) for person in people], 4, 'boxes')
    boxes, areas = _boxes(people, xywh, sizes[image_of_person])
    in_body, counts, keypoints = _body(people, boxes)
    in_whole_body = _whole_body(people, boxes)
    kept = np.flatnonzero(in_body | (False if in_whole_body is None else in_whole_body))
    used = [people[index] for index in kept]
    arrays = dict(
        image_id=image_ids, image_size=sizes, image_has_people=np.isin(image_ids, [*images_with_people(content)]),
        person_image=image_of_person[kept].astype(np.int32),
        id=_whole([person['id'] for person in used], 'ids of annotations'), box=boxes[kept], xywh=xywh[kept],
        area=areas[kept],
        category=_whole([person['category_id'] for person in used], 'categories'), num_keypoints=counts[kept],
        has_count=np.array(['num_keypoints' in person for person in used], dtype=bool),
        keypoints=keypoints[kept], in_body=in_body[kept],
        is_false=np.array([person.get('iscrowd', False) is False for person in used], dtype=bool))
    if in_whole_body is not None:
        arrays['in_whole_body'] = in_whole_body[kept]
    return Columns(arrays, dict(image_names=(name.encode('utf-8', 'surrogatepass') for name in names),
                                images=texts.of('images', images, range(len(images))),
                                people=texts.of('annotations', annotations, order[kept].tolist())),
                   dict(categories=content.get('categories'), annotations=len(annotations),
                        has_crowd_index=any('crowdIndex' in image for image in images),
                        has_keypoint_scores=any('keypoint_scores' in person for person in used)))


def detection_columns(content: Sequence[Entry], *, category: int = 1) -> Columns:
    """The columns of a detector's boxes, of those of one category.

    Args:
        content: the parsed JSON; not changed.
        category: of people, as mmpose takes it.

    Raises:
        Unusual: ids that are no whole numbers, boxes or scores that are no numbers.
    """
    try:
        people = [box for box in content if box['category_id'] == category]
        boxes = _numbers([box['bbox'][:4] for box in people], 4, 'boxes').astype(np.float32)
        scores = _numbers([[box['score']] for box in people], 1, 'scores').astype(np.float32)
        images = _whole([box['image_id'] for box in people], 'ids of images')
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Unusual(f'{type(error).__name__}: {error}') from error
    return Columns(dict(image_id=images, box=boxes, score=scores[:, 0]), {})


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise Unusual(what)


def _whole(values: list[Any], what: str) -> np.ndarray:
    """(N,) int64; bool is no whole number here."""
    _require(set(map(type, values)) <= {int}, f'{what} that are no whole numbers')
    return np.array(values, dtype=np.int64)


def _numbers(rows: Sequence[Sequence[Any]], count: int, what: str) -> np.ndarray:
    """(N, count) float64, exact."""
    _require(set(map(len, rows)) <= {count}, f'{what} of another length than {count}')
    _require(set(map(type, chain.from_iterable(rows))) <= {int, float}, f'{what} that are no numbers')
    values = np.array(rows, dtype=np.float64).reshape(len(rows), count)
    _require(bool((np.abs(values) < _LARGEST_EXACT).all()), f'{what} that are too large, or not finite')
    return values


def _places(ids: np.ndarray, what: str) -> dict[int, int]:
    place = {number: index for index, number in enumerate(ids.tolist())}
    _require(len(place) == len(ids), f'{what} that repeat')
    return place


def _in_order(annotations: list[Entry], place: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the places of the annotations image by image, and (N,) the place of the image of each."""
    _places(_whole([annotation['id'] for annotation in annotations], 'ids of annotations'), 'ids of annotations')
    _whole([annotation['image_id'] for annotation in annotations], 'ids of images')
    image = np.array([place[annotation['image_id']] for annotation in annotations], dtype=np.int64)
    order = np.argsort(image, kind='stable')
    return order, image[order]


def _boxes(people: list[Entry], xywh: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 4) float32 corners of the boxes, cut at the edge of the image, and (N,) float32 areas; no box is zeros."""
    start, end = (np.clip(corner, 0, sizes - 1) for corner in (xywh[:, :2], xywh[:, :2] + xywh[:, 2:]))
    guessed = np.clip((end - start).prod(axis=1) * _AREA_OF_BOX, 1.0, None)
    given = _numbers([[person.get('area', 0)] for person in people], 1, 'areas')[:, 0]
    has_area = np.array(['area' in person for person in people], dtype=bool)
    return (np.concatenate([start, end], axis=1).astype(np.float32),
            np.where(has_area, given, guessed).astype(np.float32))


def _have_size(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2] > 0).all(axis=1)


def _are_crowds(people: list[Entry]) -> np.ndarray:
    marks = [person.get('iscrowd', False) for person in people]
    _require(set(map(type, marks)) <= {int, bool}, 'values of iscrowd that are no numbers')
    return np.array(marks, dtype=bool)


def _body(people: list[Entry], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who is used with ``keypoints`` alone: (N,) bool; the (N,) number and (N, K, 3) float32 of the keypoints."""
    is_read = np.array(['bbox' in person and 'keypoints' in person for person in people], dtype=bool)
    is_read &= _have_size(boxes) & ~_are_crowds(people) if people else False
    is_read &= np.array([person.get('num_keypoints') != 0 and person.get('keypoints') != [] for person in people],
                        dtype=bool)
    places = np.flatnonzero(is_read)
    values = _keypoints([people[index]['keypoints'] for index in places])
    keypoints = np.zeros((len(people), *values.shape[1:]), dtype=np.float32)
    keypoints[places] = values
    counted = np.count_nonzero(keypoints[..., :2].max(axis=2), axis=1) if keypoints.size else np.zeros(len(people), int)
    given = _whole([person.get('num_keypoints', -1) for person in people], 'numbers of keypoints')
    has_count = np.array(['num_keypoints' in person for person in people], dtype=bool)
    counts = np.where(has_count, given, counted)
    is_used = is_read & (counts != 0)
    if keypoints.size:
        is_used &= ~(keypoints[..., :2].max(axis=(1, 2)) <= 0)
    return is_used, counts, keypoints


def _keypoints(lists: list[list[Any]]) -> np.ndarray:
    """(N, K, 3) float32 of lists of one length."""
    lengths = set(map(len, lists)) or {0}
    _require(len(lengths) == 1, f'keypoints of different lengths ({sorted(lengths)[:3]})')
    _require(set(map(type, chain.from_iterable(lists))) <= {int, float}, 'keypoints that are no numbers')
    return np.array(lists, dtype=np.float32).reshape(len(lists), max(lengths) // 3, 3)


def _whole_body(people: list[Entry], boxes: np.ndarray) -> np.ndarray | None:
    """(N,) who is used as a whole body; None where mmpose's ``CocoWholeBodyDataset`` cannot read the file."""
    needed = {*KEYPOINT_FIELDS, 'bbox', 'num_keypoints', 'segmentation'}
    if not all(needed <= person.keys() for person in people):
        return None
    has_keypoint = np.zeros(len(people), dtype=bool)
    for name in KEYPOINT_FIELDS:
        values = _keypoints([person[name] for person in people])
        if values.size:
            has_keypoint |= ~(values[..., :2].max(axis=(1, 2)) <= 0)
    counts = _whole([person['num_keypoints'] for person in people], 'numbers of keypoints')
    return has_keypoint & (counts != 0) & _have_size(boxes) & ~_are_crowds(people)
