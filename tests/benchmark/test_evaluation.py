"""Evaluation by the reference implementation, which is undone afterwards."""

from __future__ import annotations

import math

import mmengine.fileio
import pytest
from mmpose.evaluation.metrics import coco_metric
from pycocotools import coco

from distilpose.benchmark.evaluation import _compare
from distilpose.benchmark.reference import evaluated_as_published
from distilpose.errors import DistilPoseError
from distilpose.host import hotcoco, xtcoco
from distilpose.host.speedups import coco_metric as coco_speedups


def functions() -> list:
    return [coco_speedups.nms.oks_iou, coco_metric.oks_nms, coco_metric.dump, xtcoco.COCO.loadRes,
            hotcoco.can_compute]


def test_the_published_way_lasts_as_long_as_its_block() -> None:
    before = functions()
    with evaluated_as_published():
        *replaced, can_compute = functions()
        assert can_compute(None) is False
    assert replaced == [coco_speedups.pairwise_oks, coco_speedups.pairwise_nms, mmengine.fileio.dump, coco.COCO.loadRes]
    assert functions() == before and not set(before) & {*replaced, can_compute}


def test_figures_that_differ_are_a_sentence() -> None:
    assert 'the same 2 figures, such as AP 0.500000' in _compare(dict(AP=0.5, AR=math.nan), dict(AP=0.5, AR=math.nan))
    for other in (dict(AP=0.5 + 1e-12), dict(AR=0.5), dict(AP=math.nan)):
        with pytest.raises(DistilPoseError, match='different figures: AP 0.5 and'):
            _compare(dict(AP=0.5), other)
