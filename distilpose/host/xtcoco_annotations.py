"""COCO annotations of the module that stands in for xtcocotools: index without printing, results from arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import coco

from distilpose.host import data_files

SPEEDUPS = {'results in arrays': False, 'hotcoco': False}
"""The two speedups of xtcocotools; the table of the host turns them on."""
_IN_MEMORY: dict[str, KeypointArrays] = {}
"""Results under the names of the files that they would have."""


@dataclass(frozen=True)
class KeypointArrays:
    """Keypoints of P people, as a file of results has them; a whole body's are split into several fields."""

    images: np.ndarray
    """(P,) number of the image."""
    categories: np.ndarray
    """(P,) number of the category."""
    keypoints: np.ndarray
    """(P, K, 3) x, y, score."""
    scores: np.ndarray
    """(P,)"""
    boxes: np.ndarray | None
    """(P, 4) x, y, width, height, if there are any."""
    fields: Mapping[str, slice]
    """Name -> its keypoints; ``keypoints`` is one."""

    def annotations(self) -> list[dict[str, Any]]:
        """One for each person, with number, box and area; the same floats as those that pycocotools reads."""
        boxes, areas = self._boxes()
        numbers = dict(image_id=self.images, category_id=self.categories, bbox=boxes, area=areas,
                       score=self.scores.astype(np.float64), id=np.arange(1, len(boxes) + 1),
                       **{name: self.keypoints[:, place].reshape(len(boxes), 3 * (place.stop - place.start))
                          for name, place in self.fields.items()})
        lists = [values.tolist() for values in numbers.values()]
        return [dict(zip(numbers, values, strict=True)) for values in zip(*lists, strict=True)]

    def _boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """(P, 4) boxes and (P,) areas: of the boxes if there are any, or else of the box around the keypoints."""
        if self.boxes is not None:
            boxes = self.boxes.astype(np.float64)
            return boxes, boxes[:, 2] * boxes[:, 3]
        points = self.keypoints[:, self.fields['keypoints'], :2].astype(np.float64)
        corner = points.min(axis=1)
        sides = points.max(axis=1) - corner
        return np.concatenate([corner, sides], axis=1), sides.prod(axis=1)


@contextmanager
def kept_in_memory(file: str, results: KeypointArrays) -> Iterator[None]:
    """While open, :meth:`COCO.loadRes` of this file, which need not exist, loads these results."""
    _IN_MEMORY[file] = results
    try:
        yield
    finally:
        del _IN_MEMORY[file]


class _Indexed(coco.COCO):
    """pycocotools' ``COCO`` whose index is created without printing, as there is one in every process and data set."""

    def createIndex(self) -> None:
        annotations, categories = self.dataset.get('annotations', ()), self.dataset.get('categories', ())
        self.anns = {annotation['id']: annotation for annotation in annotations}
        self.imgs = {image['id']: image for image in self.dataset.get('images', ())}
        self.cats = {category['id']: category for category in categories}
        self.imgToAnns, self.catToImgs = defaultdict(list), defaultdict(list)
        for annotation in annotations:
            self.imgToAnns[annotation['image_id']].append(annotation)
            if 'categories' in self.dataset:
                self.catToImgs[annotation['category_id']].append(annotation['image_id'])


class COCO(_Indexed):
    """pycocotools' ``COCO`` which reads annotations without ``iscrowd`` and accepts an empty list of results."""

    def __init__(self, annotation_file: str | Path | None = None) -> None:
        super().__init__()
        if annotation_file is not None:
            self.dataset = data_files.read_annotations(annotation_file)
            self.createIndex()

    def createIndex(self) -> None:
        for annotation in self.dataset.get('annotations', ()):
            annotation.setdefault('iscrowd', False)
        super().createIndex()

    def loadRes(self, resFile: str | Sequence[dict] | np.ndarray) -> coco.COCO:
        if isinstance(resFile, str) and resFile in _IN_MEMORY:
            return self._load(_IN_MEMORY[resFile])
        results = data_files.read_json(resFile) if isinstance(resFile, str) else resFile
        if results != [] and not SPEEDUPS['results in arrays']:
            return super().loadRes(results)
        if not (_are_bare_keypoints(results) and {entry['image_id'] for entry in results} <= set(self.getImgIds())):
            return super().loadRes(results)  # which raises an error where something is wrong
        found = Results()
        found.dataset = {**self.dataset, 'annotations': results}
        found.add_boxes()
        found.createIndex()
        return found

    def _load(self, results: KeypointArrays) -> Results:
        """Results in memory, indexed.

        Raises:
            AssertionError: they have other images, as pycocotools says it.
        """
        if not set(results.images.tolist()) <= self.imgs.keys():
            raise AssertionError('Results do not correspond to current coco set')
        found = Results()
        found.dataset = {**self.dataset, 'annotations': results.annotations()}
        found.is_finite = bool(np.isfinite(results.keypoints).all())
        found.createIndex()
        return found


class Results(_Indexed):
    """Results that have nothing but keypoints."""

    is_finite = True
    """Whether all of their keypoints are finite numbers."""

    def add_boxes(self) -> None:
        """Gives each result its number, box and area, the same floats as pycocotools, which does it one by one."""
        results = self.dataset['annotations']
        if not results:
            return
        triples = np.array([entry['keypoints'] for entry in results]).reshape(len(results), -1, 3)
        corner, far = triples[..., :2].min(axis=1), triples[..., :2].max(axis=1)
        boxes, areas = np.concatenate([corner, far - corner], axis=1), (far - corner).prod(axis=1)
        for number, (entry, box, area) in enumerate(zip(results, boxes.tolist(), areas.tolist(), strict=True), start=1):
            entry.update(id=number, bbox=box, area=area)
        self.is_finite = bool(np.isfinite(triples).all())


def _are_bare_keypoints(results: Any) -> bool:
    """Whether results are none at all, or keypoints of one number that come without what they surround."""
    if not isinstance(results, list):
        return False
    others = ('caption', 'bbox', 'segmentation')  # pycocotools looks at the first result, in this order
    return not results or ('keypoints' in results[0] and not any(name in results[0] for name in others) and
                           len({len(entry['keypoints']) for entry in results}) == 1)
