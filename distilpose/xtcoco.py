"""pycocotools with the keypoint evaluations of xtcocotools, for machines where that cannot be installed.

xtcocotools has no wheel that works with numpy 2, so :mod:`distilpose.compat` serves these two classes under its
name. They are pycocotools' own, given other annotations to compare: the requested part's keypoints, the area and
the score that xtcocotools uses. Equal to xtcocotools 1.14.3 on stored figures (tests/data/xtcocotools_figures.json).
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import coco, cocoeval

_WHOLEBODY = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')
_FIELDS = {
    'keypoints': ('keypoints',),
    'keypoints_crowd': ('keypoints',),
    'keypoints_body': ('keypoints',),
    'keypoints_foot': ('foot_kpts',),
    'keypoints_face': ('face_kpts',),
    'keypoints_lefthand': ('lefthand_kpts',),
    'keypoints_righthand': ('righthand_kpts',),
    'keypoints_wholebody': _WHOLEBODY,
}
_AREA_OF_BOX = 0.53  # xtcocotools: a person fills so much of the box where the area is unknown
_CROWD_LIMITS = (0.2, 0.8)  # CrowdPose (CVPR 2019): crowd index of easy | medium | hard images


class COCO(coco.COCO):
    """pycocotools' ``COCO`` which reads annotations without ``iscrowd`` and accepts an empty list of results."""

    def createIndex(self) -> None:
        for annotation in self.dataset.get('annotations', ()):
            annotation.setdefault('iscrowd', False)
        super().createIndex()

    def loadRes(self, resFile: str | Sequence[dict] | np.ndarray) -> coco.COCO:
        if not isinstance(resFile, (str, np.ndarray)) and len(resFile) == 0:
            empty = type(self)()
            empty.dataset = {**self.dataset, 'annotations': []}
            empty.createIndex()
            return empty
        return super().loadRes(resFile)


class COCOeval(cocoeval.COCOeval):
    """Evaluation of boxes, masks, keypoints, parts of the whole body and crowds.

    Args:
        cocoGt: Ground truth.
        cocoDt: Detections.
        iouType: ``bbox``, ``segm``, ``keypoints`` or ``keypoints_`` + ``body``, ``foot``, ``face``, ``lefthand``,
            ``righthand``, ``wholebody``, ``crowd``.
        sigmas: Tolerance of every keypoint, those of the 17 COCO keypoints by default.
        use_area: False computes the area from the box (0.53 x width x height), for data sets that have none.

    ``stats`` are the ten COCO figures; for ``keypoints_crowd`` AP, AP50, AP75, AR, AR50, AR75 and the AP of easy,
    medium and hard images.
    """

    def __init__(
        self,
        cocoGt: coco.COCO | None = None,
        cocoDt: coco.COCO | None = None,
        iouType: str = 'keypoints',
        sigmas: Sequence[float] | np.ndarray | None = None,
        use_area: bool = True,
    ) -> None:
        if iouType not in _FIELDS and iouType not in ('bbox', 'segm'):
            raise ValueError(f'iouType is {iouType!r}; it must be bbox, segm or one of {list(_FIELDS)}.')
        super().__init__(cocoGt, cocoDt, 'keypoints' if iouType in _FIELDS else iouType)
        self.extended_type = iouType
        self.use_area = use_area
        if iouType in _FIELDS:
            self.params.kpt_oks_sigmas = np.asarray(self.params.kpt_oks_sigmas if sigmas is None else sigmas)

    def _prepare(self) -> None:
        if self.extended_type not in _FIELDS:
            super()._prepare()
            return
        categories = self.params.catIds if self.params.useCats else []
        chosen = dict(imgIds=self.params.imgIds, catIds=categories)
        truths = self.cocoGt.loadAnns(self.cocoGt.getAnnIds(**chosen))
        found = self.cocoDt.loadAnns(self.cocoDt.getAnnIds(**chosen))
        self._gts = _by_image(self._ground_truth(annotation) for annotation in truths)
        self._dts = _by_image(
            detection for detection in map(self._detection, found) if _has_any(detection['keypoints'])
        )
        self.evalImgs: Any = []
        self.eval: dict[str, Any] = {}

    def _ground_truth(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        keypoints = self._keypoints(annotation)
        if self.extended_type == 'keypoints_crowd':  # CrowdPose counts the joints with visibility 2 only
            is_empty = annotation['num_keypoints'] == 0
        else:
            is_empty = not _has_any(keypoints)
        if self.use_area and 'area' not in annotation:
            raise ValueError(
                f'Annotation {annotation["id"]} has no area; add it, or evaluate with use_area=False, which takes '
                f'{_AREA_OF_BOX} of the box.'
            )
        area = annotation['area'] if self.use_area else annotation['bbox'][2] * annotation['bbox'][3] * _AREA_OF_BOX
        return dict(
            annotation,
            id=annotation['id'] + 1,  # pycocotools takes a match with number 0 for none
            keypoints=keypoints,
            area=area,
            iscrowd=annotation.get('iscrowd', 0),
            ignore=is_empty or annotation.get('iscrowd', 0),
        )

    def _detection(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        part = self.extended_type.partition('_')[2]
        score = annotation['score']
        if part not in ('', 'crowd', 'body'):
            score = annotation.get(f'{part}_score', score)
        return dict(annotation, id=annotation['id'] + 1, keypoints=self._keypoints(annotation), score=score)

    def _keypoints(self, annotation: Mapping[str, Any]) -> list[float]:
        missing = [name for name in _FIELDS[self.extended_type] if name not in annotation]
        if missing:
            raise ValueError(f'{self.extended_type} needs {missing} in every annotation; {annotation["id"]} has none.')
        return [value for name in _FIELDS[self.extended_type] for value in annotation[name]]

    def summarize(self) -> None:
        if self.extended_type != 'keypoints_crowd':
            super().summarize()
            return
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            super().summarize()
        print('\n'.join(line for line in printed.getvalue().splitlines() if '=   all ' in line))
        by_crowdedness = self._crowd_precisions()
        for name, value in zip(('easy', 'medium', 'hard'), by_crowdedness, strict=True):
            print(f' {"Average Precision":<18} (AP) @[ IoU=0.50:0.95 | type={name:>6s} | maxDets= 20 ] = {value:0.3f}')
        self.stats: np.ndarray = np.array([*self.stats[[0, 1, 2, 5, 6, 7]], *by_crowdedness])

    def _crowd_precisions(self) -> list[float]:
        """Average precision of the easy, the medium and the hard images, to four digits as published."""
        images = self.cocoGt.dataset['images']
        if any('crowdIndex' not in image for image in images):
            raise ValueError('keypoints_crowd needs a crowdIndex in every image of the annotation file.')
        level = np.digitize([image['crowdIndex'] for image in images], _CROWD_LIMITS)
        part = copy.copy(self)
        precisions = []
        for index in range(len(_CROWD_LIMITS) + 1):
            part.params = copy.deepcopy(self.params)
            part.params.imgIds = [images[position]['id'] for position in np.flatnonzero(level == index)]
            with contextlib.redirect_stdout(io.StringIO()):
                part.evaluate()
                part.accumulate()
            precisions.append(round(float(np.mean(part.eval['precision'][:, :, :, 0, :])), 4))
        return precisions


def _has_any(keypoints: Sequence[float]) -> bool:
    """Whether any of the triples (x, y, visibility or confidence) has a third number above zero."""
    return bool(np.any(np.asarray(keypoints)[2::3] > 0))


def _by_image(annotations: Iterable[dict[str, Any]]) -> defaultdict[tuple[int, int], list[dict[str, Any]]]:
    grouped = defaultdict(list)
    for annotation in annotations:
        grouped[annotation['image_id'], annotation['category_id']].append(annotation)
    return grouped
