"""Images of stored annotations that a data set reads: names, ids, sizes and boxes, without the file being parsed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .checking import stored_file
from .data_sets import people_column, reads_store
from .stored_file import StoredFile
from .stored_people import Detected


class StoredImages(NamedTuple):
    """The images with people of a data set, in the order of the file."""

    names: list[str]
    ids: list[int]
    sizes: np.ndarray
    """(N, 2) width and height as annotated."""
    boxes: list[np.ndarray]
    """(people, 4) x, y, width, height of each image; of none if people are detected."""


def stored_images(kind: type, dataset: Mapping[str, Any], annotations: Path) -> StoredImages | None:
    """The images that a data set reads people of; ``None`` where they are not stored.

    Args:
        kind: the class of the data set.
        dataset: its config.
        annotations: its annotation file.
    """
    if not reads_store(kind, data_mode=dataset.get('data_mode', 'topdown')):
        return None
    file = stored_file(annotations)
    if file is None or file.kind != 'annotations':
        return None
    boxes = dataset.get('bbox_file')
    owners = _annotated(kind, file) if not boxes else _detected(file, boxes)
    if owners is None:
        return None
    people, images = owners
    interval = int(dataset.get('sample_interval') or 1)
    is_read = file.column('image_id')[images] % interval == 0
    people, images = _chosen(people[is_read], dataset.get('indices')), _chosen(images[is_read], dataset.get('indices'))
    places = np.unique(images)
    order = np.argsort(images, kind='stable')
    groups = [] if boxes else np.split(file.column('xywh')[people[order]], np.searchsorted(images[order], places[1:]))
    return StoredImages([file.name(place) for place in places.tolist()], file.column('image_id')[places].tolist(),
                        file.column('image_size')[places], groups)


def _annotated(kind: type, file: StoredFile) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows of the people, and the place of the image of each."""
    column = people_column(kind)
    rows = np.flatnonzero(file.column(column)) if file.has(column) else None
    return None if rows is None else (rows, file.column('person_image')[rows])


def _detected(file: StoredFile, boxes: str | Path) -> tuple[np.ndarray, np.ndarray] | None:
    stored = stored_file(boxes)
    if stored is None or stored.kind != 'detections' or not len(file.column('image_id')):
        return None
    make = Detected(file, stored, '', num_keypoints=0)
    rows = np.arange(len(stored.column('score')))
    return (rows, make.image(rows)) if make.has_all_images else None


def _chosen(rows: np.ndarray, indices: Any) -> np.ndarray:
    """Those that ``indices`` of a data set takes."""
    if indices is None:
        return rows
    if isinstance(indices, int):
        return rows[:indices] if indices >= 0 else rows[indices:]
    return rows[[index for index in indices if -len(rows) <= index < len(rows)]]
