"""COCO keypoint metrics by hotcoco, where it is installed: pycocotools' numbers, some dozens of times faster."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import numpy as np
from mmengine.logging import print_log

from distilpose.errors import DistilPoseError

COMPARED = '1.3.0'
"""The version whose numbers were compared with pycocotools'; no other is used."""
SWITCH = 'DISTILPOSE_COCO_EVALUATION'
"""The environment variable that chooses which of the two computes: ``hotcoco`` (the default) or ``pycocotools``."""
_NAMES = {'id', 'image_id', 'category_id', 'keypoints', 'area', 'score', 'bbox', 'iscrowd'}


def can_compute(params: Any) -> bool:
    """Whether hotcoco is installed and supports these parameters of pycocotools."""
    is_known = params.useCats and params.useSegm is None and np.asarray(params.imgIds).dtype.kind in 'iu'
    return bool(is_known) and _hotcoco() is not None


def convert(annotations: Sequence[Mapping[str, Any]], *, keypoints: int, is_finite: bool = False) -> Any:
    """Annotations as hotcoco holds them.

    Args:
        annotations: people, with the keys that pycocotools reads and ``num_keypoints``, which is 0 for those that are
            ignored; or detections, with a score.
        keypoints: how many each should have, as many as there are sigmas.
        is_finite: the keypoints are known to be finite.

    Returns:
        None where hotcoco and pycocotools give different results: a person has another number of keypoints, or a
        coordinate, area or score is no finite number.
    """
    if any(count != 3 * keypoints for count in {len(entry['keypoints']) for entry in annotations}):
        return None
    total = 0 if is_finite else sum(map(sum, map(itemgetter('keypoints'), annotations)))
    names = ('area', 'score') if annotations and 'score' in annotations[0] else ('area',)
    total += sum(sum(map(itemgetter(name), annotations)) for name in names)  # several times faster than each by itself
    if not math.isfinite(total):
        return None
    return _hotcoco().COCO(dict(images=[], categories=[], annotations=annotations))


def convert_detections(detections: Sequence[Mapping[str, Any]], *, keypoints: int, is_finite: bool = False) -> Any:
    """The same of detections that may have further keys, of which hotcoco would keep a copy."""
    if not set().union(*detections) <= _NAMES:
        names = ('id', 'image_id', 'category_id', 'keypoints', 'area', 'score')
        detections = [{name: entry[name] for name in names} for entry in detections]
    return convert(detections, keypoints=keypoints, is_finite=is_finite)


def match(truths: Any, detections: Any, params: Any) -> Any:
    """hotcoco's evaluation, of converted annotations and pycocotools' parameters for which :func:`can_compute`."""
    evaluation = _hotcoco().COCOeval(truths, detections, 'keypoints')
    evaluation.params = _translate(params, _hotcoco().Params('keypoints'))
    evaluation.evaluate()
    return evaluation


def accumulate(evaluation: Any, params: Any) -> dict[str, Any]:
    """What pycocotools' ``accumulate`` gives, with the arrays ``precision``, ``recall`` and ``scores``."""
    evaluation.accumulate()
    figures = {name: np.asarray(evaluation.eval[name]) for name in ('precision', 'recall', 'scores')}
    return dict(figures, params=params, counts=list(figures['precision'].shape),
                date=datetime.now().strftime('%Y-%m-%d %H:%M:%S'))


@functools.cache
def _hotcoco() -> Any:
    """The module, or None where pycocotools computes; the log names once which of the two does."""
    chosen = os.environ.get(SWITCH, 'hotcoco')
    if chosen not in ('hotcoco', 'pycocotools'):
        raise DistilPoseError(f'{SWITCH} is {chosen!r}; it must be hotcoco or pycocotools')
    if chosen == 'pycocotools':
        print_log(f'COCO figures are computed by pycocotools, as {SWITCH} says.', 'current')
        return None
    if importlib.util.find_spec('hotcoco') is None:
        print_log('COCO figures are computed by pycocotools; hotcoco gives the same ones sooner: pip install --no-deps '
                  f'hotcoco=={COMPARED}', 'current')
        return None
    version = importlib.metadata.version('hotcoco')
    if version != COMPARED:
        print_log(f'COCO figures are computed by pycocotools: hotcoco {version} is installed, and only {COMPARED} was '
                  'compared with it.', 'current')
        return None
    print_log(f'COCO figures are computed by hotcoco {version}; {SWITCH}=pycocotools has pycocotools compute them.',
              'current')
    return importlib.import_module('hotcoco')


def _translate(params: Any, translated: Any) -> Any:
    """hotcoco's parameters for those of pycocotools."""
    translated.img_ids = np.asarray(params.imgIds).tolist()
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
