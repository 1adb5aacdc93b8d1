"""COCO annotations of the module that stands in for xtcocotools: index without printing, results with boxes at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import coco

from distilpose.host import data_files

SPEEDUPS = {'boxes at once': False, 'hotcoco': False}
"""The two speedups of xtcocotools; the table of the host turns them on."""


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
        results = data_files.read_json(resFile) if isinstance(resFile, str) else resFile
        if results != [] and not SPEEDUPS['boxes at once']:
            return super().loadRes(results)
        if not (_are_bare_keypoints(results) and {entry['image_id'] for entry in results} <= set(self.getImgIds())):
            return super().loadRes(results)  # which raises an error where something is wrong
        found = Results()
        found.dataset = {**self.dataset, 'annotations': results}
        found.add_boxes()
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
