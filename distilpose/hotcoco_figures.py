"""COCO's keypoint figures by hotcoco, where it is installed: pycocotools' numbers, some dozens of times sooner."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from types import ModuleType
from typing import Any

import numpy as np
from mmengine.logging import print_log

COMPARED = '1.3.0'
"""The version whose numbers were compared with pycocotools'; no other is used."""


def can_compute(params: Any) -> bool:
    """Whether hotcoco knows what pycocotools' parameters ask for, and is there."""
    is_known = params.useCats and params.useSegm is None and np.asarray(params.imgIds).dtype.kind in 'iu'
    return bool(is_known) and _hotcoco() is not None


def compute(truths: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]],
            params: Any) -> dict[str, Any] | None:
    """The arrays ``precision``, ``recall`` and ``scores`` that pycocotools' ``accumulate`` gives.

    Args:
        truths: people, with the keys that pycocotools reads; those with ``num_keypoints`` 0 are ignored.
        found: detections.
        params: pycocotools' parameters, for which :func:`can_compute`.

    Returns:
        None where a coordinate or score is no finite number, of which hotcoco and pycocotools make different things.
    """
    hotcoco = _hotcoco()
    if hotcoco is None or not (_is_finite(truths) and _is_finite(found)):
        return None
    images = [dict(id=int(image)) for image in params.imgIds]
    categories = [dict(id=int(category), name=str(category)) for category in params.catIds]
    evaluation = hotcoco.COCOeval(*(
        hotcoco.COCO(dict(images=images, categories=categories, annotations=annotations))
        for annotations in (truths, found)), 'keypoints')
    evaluation.params = _translate(params, hotcoco.Params('keypoints'))
    evaluation.evaluate()
    evaluation.accumulate()
    figures = {name: np.asarray(evaluation.eval[name]) for name in ('precision', 'recall', 'scores')}
    return dict(figures, params=params, counts=list(figures['precision'].shape),
                date=datetime.now().strftime('%Y-%m-%d %H:%M:%S'))


@functools.cache
def _hotcoco() -> ModuleType | None:
    """The module; without it the log says once what computes instead."""
    if importlib.util.find_spec('hotcoco') is None:
        print_log('COCO figures are computed by pycocotools; hotcoco gives the same ones sooner: pip install --no-deps '
                  f'hotcoco=={COMPARED}', 'current')
        return None
    version = importlib.metadata.version('hotcoco')
    if version != COMPARED:
        print_log(f'COCO figures are computed by pycocotools: hotcoco {version} is installed, and only {COMPARED} was '
                  'compared with it.', 'current')
        return None
    return importlib.import_module('hotcoco')


def _is_finite(annotations: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all numbers that decide are finite; sums tell, and are several times quicker than looking at each."""
    names = ('area', 'score') if annotations and 'score' in annotations[0] else ('area',)
    total = sum(map(sum, map(itemgetter('keypoints'), annotations)))
    return math.isfinite(total + sum(sum(map(itemgetter(name), annotations)) for name in names))


def _translate(params: Any, translated: Any) -> Any:
    """hotcoco's parameters for those of pycocotools."""
    translated.img_ids = [int(image) for image in params.imgIds]
    translated.cat_ids = [int(category) for category in params.catIds]
    translated.iou_thrs = [float(threshold) for threshold in params.iouThrs]
    translated.rec_thrs = [float(recall) for recall in params.recThrs]
    translated.max_dets = [int(count) for count in sorted(params.maxDets)]
    translated.area_rng = [[float(limit) for limit in limits] for limits in params.areaRng]
    translated.area_rng_lbl = list(params.areaRngLbl)
    # pycocotools squares the sigmas in their own precision, which is float32 in mmpose's metainfo; hotcoco in float64.
    variances = np.asarray((np.asarray(params.kpt_oks_sigmas) * 2) ** 2, dtype=np.float64)
    translated.kpt_oks_sigmas = (np.sqrt(variances) / 2).tolist()
    return translated
