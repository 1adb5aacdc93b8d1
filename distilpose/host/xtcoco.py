"""Stand-in for xtcocotools: pycocotools with its keypoint evaluations, where xtcocotools cannot be installed.

xtcocotools has no wheel that works with numpy 2, so :mod:`distilpose.host.imports` provides these two classes under its
name. They are pycocotools' own, given other annotations to compare: the requested part's keypoints, the area and
the score that xtcocotools uses. Equal to xtcocotools 1.14.3 on stored figures (tests/data/xtcocotools_figures.json).
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from math import isfinite
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from mmengine.logging import print_log
from pycocotools import coco, cocoeval

from distilpose.host import hotcoco
from distilpose.host.xtcoco_annotations import COCO, SPEEDUPS, Results

__all__ = ['COCO', 'COCOeval', 'allow_arrays', 'allow_hotcoco', 'is_used']

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
AREA_OF_BOX = 0.53
"""Of a box is a person where the area is unknown: the convention of xtcocotools, and of mmpose's data sets."""
_CROWD_LIMITS = (0.2, 0.8)  # CrowdPose (CVPR 2019): crowd index of easy | medium | hard images


def allow_arrays() -> bool:
    """Turns on results in arrays; False where the real xtcocotools is installed."""
    SPEEDUPS['results in arrays'] = is_used()
    return is_used()


def allow_hotcoco() -> bool:
    """Turns on hotcoco for the metrics; False where the real xtcocotools is installed."""
    SPEEDUPS['hotcoco'] = is_used()
    return is_used()


def is_used() -> bool:
    """Whether this module is served as xtcocotools."""
    return sys.modules.get('xtcocotools.cocoeval') is sys.modules[__name__]


class ConvertedPeople:
    """Cache of an annotation file's people in hotcoco's form, one for each kind of evaluation, until they change.

    A training evaluates on the same people again and again. Annotations that were replaced or got other values are
    noticed; numbers that were changed inside a list of keypoints are not.
    """

    def __init__(self) -> None:
        self._seen: list[dict[str, Any]] = []
        self._made: dict[tuple[str, bool, int], Any] = {}

    def get(self, annotations: list[dict[str, Any]], kind: tuple[str, bool, int],
            convert: Callable[[], Any]) -> Any:
        """What was converted from these annotations for a kind of evaluation, which happens now if it did not."""
        if annotations != self._seen:
            self._seen, self._made = [dict(annotation) for annotation in annotations], {}
        if kind not in self._made:
            self._made[kind] = convert()
        return self._made[kind]


_PEOPLE: WeakKeyDictionary[coco.COCO, ConvertedPeople] = WeakKeyDictionary()


class COCOeval(cocoeval.COCOeval):
    """Evaluation of boxes, masks, keypoints, parts of the whole body and crowds.

    Args:
        cocoGt: Ground truth.
        cocoDt: Detections.
        iouType: ``bbox``, ``segm``, ``keypoints`` or ``keypoints_`` + ``body``, ``foot``, ``face``, ``lefthand``,
            ``righthand``, ``wholebody``, ``crowd``.
        sigmas: Tolerance of every keypoint, those of the 17 COCO keypoints by default.
        use_area: False computes the area from the box (0.53 x width x height), for data sets that have none; True does
            so for people without an area, where xtcocotools ends with a ``KeyError``.

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

    def evaluate(self) -> None:
        """Matches people and detections, by hotcoco where it can."""
        params = self.params
        self._converted = None
        if self.extended_type in _FIELDS and SPEEDUPS['hotcoco'] and hotcoco.can_compute(params):
            params.imgIds, params.catIds = list(np.unique(params.imgIds)), list(np.unique(params.catIds))
            params.maxDets = sorted(params.maxDets)
            self._converted = self._convert()
        self._match()

    def _match(self) -> None:
        self._matches = None
        if self._converted is None:
            super().evaluate()
            return
        self._matches = hotcoco.match(*self._converted, self.params)
        self._eval_imgs = None
        self.eval: dict[str, Any] = {}

    def _convert(self) -> tuple[Any, Any] | None:
        """People and detections for hotcoco, or None where it would find other figures."""
        chosen, fresh = self._annotations(self.cocoGt), ConvertedPeople()
        kept = _PEOPLE.setdefault(self.cocoGt, fresh) if len(chosen) == len(self.cocoGt.anns) else fresh
        count = len(self.params.kpt_oks_sigmas)
        people = kept.get(chosen, (self.extended_type, self.use_area, count),
                          lambda: hotcoco.convert(self._ground_truth(chosen), keypoints=count))
        found = self._annotations(self.cocoDt)
        if _FIELDS[self.extended_type] == ('keypoints',):  # as they are, since copies take longer than the figures
            found = [entry for entry in found if _has_any(entry['keypoints'])]
            is_finite = isinstance(self.cocoDt, Results) and self.cocoDt.is_finite
        else:
            found, is_finite = self._detections(found), True  # others are left out
        detections = hotcoco.convert_detections(found, keypoints=count, is_finite=is_finite)
        return None if people is None or detections is None else (people, detections)

    @property
    def computed_by(self) -> str:
        """The library whose figures :meth:`accumulate` gives: ``hotcoco`` or ``pycocotools``."""
        return 'pycocotools' if self._converted is None else 'hotcoco'

    @property
    def evalImgs(self) -> Any:
        """Matches of every image, computed by pycocotools at the first access, together with ``ious``."""
        if self._eval_imgs is None:
            figures = self.eval
            super().evaluate()
            self.eval = figures
        return self._eval_imgs

    @evalImgs.setter
    def evalImgs(self, value: Any) -> None:
        self._eval_imgs = value

    def accumulate(self, p: Any = None) -> None:
        if p is None and self._eval_imgs is None:
            self.eval = hotcoco.accumulate(self._matches, self.params)
        else:
            super().accumulate(p)

    def _prepare(self) -> None:
        if self.extended_type not in _FIELDS:
            super()._prepare()
            return
        people, found = self._annotations(self.cocoGt), self._annotations(self.cocoDt)
        self._gts, self._dts = _by_image(self._ground_truth(people)), _by_image(self._detections(found))
        for person in chain.from_iterable(self._gts.values()):
            person['ignore'] = person['num_keypoints'] == 0 or person['iscrowd']
        self.evalImgs = []
        self.eval = {}

    def _annotations(self, coco: coco.COCO) -> list[dict[str, Any]]:
        """Those of the images and categories that are evaluated, by image; all have the keypoints in question, or none.

        An annotation without any, as in a file with other categories, is a person without a labelled joint.
        """
        categories = self.params.catIds if self.params.useCats else []
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=self.params.imgIds, catIds=categories))
        fields = _FIELDS[self.extended_type]
        missing = [[field for field in fields if field not in annotation] for annotation in annotations]
        is_other_kind = all(len(names) == len(fields) for names in missing)
        for annotation, names in zip(annotations, missing, strict=True):
            if names and (is_other_kind or len(names) < len(fields)):
                raise ValueError(f'{self.extended_type} needs {names} in every annotation; {annotation["id"]} has '
                                 'none.')
        return annotations

    def _ground_truth(self, annotations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Ground truth for the evaluation; people with ``num_keypoints`` 0 are ignored."""
        if self.use_area:
            areas = [annotation['area'] if 'area' in annotation else _area_of(annotation['bbox'])
                     for annotation in annotations]
        else:
            areas = [_area_of(annotation['bbox']) for annotation in annotations]
        unlabelled = [0.0] * (3 * len(self.params.kpt_oks_sigmas))
        keypoints = [values or unlabelled for values in self._keypoints(annotations)]
        if self.extended_type == 'keypoints_crowd':  # CrowdPose counts the joints with visibility 2 only
            labelled = [annotation['num_keypoints'] != 0 for annotation in annotations]
        else:
            labelled = [_has_any(values) for values in keypoints]
        return [{'id': annotation['id'] + 1,  # pycocotools takes a match with number 0 for none
                 'image_id': annotation['image_id'], 'category_id': annotation['category_id'], 'keypoints': values,
                 'num_keypoints': int(is_labelled), 'bbox': annotation['bbox'], 'area': area,
                 'iscrowd': annotation.get('iscrowd', 0)}
                for annotation, values, area, is_labelled in zip(annotations, keypoints, areas, labelled, strict=True)]

    def _detections(self, annotations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Detections for the evaluation; those without a confident keypoint, or that are not finite, are left out."""
        part = self.extended_type.partition('_')[2]
        own_score = 'score' if part in ('', 'crowd', 'body') else f'{part}_score'
        found = [{'id': annotation['id'] + 1, 'image_id': annotation['image_id'],
                  'category_id': annotation['category_id'], 'keypoints': values, 'area': annotation['area'],
                  'score': annotation[own_score] if own_score in annotation else annotation['score']}
                 for annotation, values in zip(annotations, self._keypoints(annotations), strict=True)
                 if _has_any(values)]
        return _finite(found)

    def _keypoints(self, annotations: Sequence[Mapping[str, Any]]) -> list[list[float]]:
        """The triples of every annotation, one field after the other."""
        fields = _FIELDS[self.extended_type]
        if len(fields) == 1:
            return [annotation.get(fields[0], []) for annotation in annotations]
        return [[value for name in fields for value in annotation.get(name, ())] for annotation in annotations]

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
        subset = copy.copy(self)
        precisions = []
        for index in range(len(_CROWD_LIMITS) + 1):
            subset.params = copy.deepcopy(self.params)
            subset.params.imgIds = sorted(images[position]['id'] for position in np.flatnonzero(level == index))
            subset.params.areaRng, subset.params.areaRngLbl = self.params.areaRng[:1], self.params.areaRngLbl[:1]
            with contextlib.redirect_stdout(io.StringIO()):
                subset._match()  # with the people that were converted already
                subset.accumulate()
            precisions.append(round(float(np.mean(subset.eval['precision'][:, :, :, 0, :])), 4))
        return precisions


def _area_of(box: Sequence[float]) -> float:
    return AREA_OF_BOX * box[2] * box[3]


def _has_any(keypoints: Sequence[float]) -> bool:
    """Whether any of the triples (x, y, visibility or confidence) has a third number above zero."""
    return keypoints[-1] > 0 or (any(keypoints[2::3]) and any(number > 0 for number in keypoints[2::3]))


def _finite(detections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those without NaN, which pycocotools matches with every person."""
    kept = [entry for entry in detections if isfinite(sum(entry['keypoints']) + entry['area'] + entry['score'])]
    if len(kept) < len(detections):
        print_log(f'{len(detections) - len(kept)} of {len(detections)} detections are left out: their keypoints, area '
                  'or score are not finite', 'current', logging.WARNING)
    return kept


def _by_image(annotations: Iterable[dict[str, Any]]) -> defaultdict[tuple[int, int], list[dict[str, Any]]]:
    grouped = defaultdict(list)
    for annotation in annotations:
        grouped[annotation['image_id'], annotation['category_id']].append(annotation)
    return grouped
