"""Predictions that are not finite have no part in the figures of mmpose's metrics."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.evaluation.metrics import CocoMetric
from mmpose.structures import PoseDataSample

from distilpose.host import finite_predictions
from distilpose.host.finite_predictions import keep_finite
from tests.engine.tiny import PROJECT, write_data

SIGMAS = np.full(17, 0.05)
META = dict(dataset_name='coco', num_keypoints=17, sigmas=SIGMAS)


def people(folder: Path) -> tuple[Path, np.ndarray]:
    """An annotation file of twelve people, and their joints (12, 17, 2)."""
    file = write_data(folder) / 'annotations' / 'people.json'
    content = json.loads(file.read_text())
    return file, np.array([entry['keypoints'] for entry in content['annotations']]).reshape(12, 17, 3)[..., :2]


def figures(file: Path, joints: np.ndarray, *, scores: np.ndarray | None = None, boxes: np.ndarray | None = None,
            **options: Any) -> dict[str, float]:
    """Of a prediction (17, 2) for each of the images 1, 2, ...; a fourth axis in front is several of an image."""
    metric = CocoMetric(ann_file=str(file), **options)
    metric.dataset_meta = dict(META)
    number = 0
    for image, predicted in enumerate(joints, start=1):
        for one in predicted.reshape(-1, 17, 2):
            sample = PoseDataSample(metainfo=dict(id=number, img_id=image, category_id=1))
            sample.pred_instances = InstanceData(
                keypoints=one[None], keypoint_scores=np.ones((1, 17)) if scores is None else scores[number][None],
                bbox_scores=np.ones(1) if boxes is None else boxes[number][None])
            sample.gt_instances = InstanceData(bbox_scales=np.full((1, 2), 60.0))
            metric.process([], [sample.to_dict()])
            number += 1
    return metric.evaluate(number)


def test_a_prediction_of_nobody_stays() -> None:
    results: list = [(dict(keypoints=np.zeros((0, 17, 2)), keypoint_scores=np.zeros((0, 17)), bbox_scores=np.zeros(0)),
                      {})]
    assert keep_finite(results) == results


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('mode', ['bbox', 'bbox_keypoint', 'bbox_rle', 'keypoint'])
def test_a_network_of_nan_finds_nobody(tmp_path: Path, value: float, mode: str) -> None:
    file, joints = people(tmp_path)
    assert figures(file, joints, score_mode=mode)['coco/AP'] == pytest.approx(1)
    for broken in (dict(joints=joints * value), dict(joints=joints, scores=np.full((12, 17), value)),
                   dict(joints=joints, boxes=np.full(12, value))):
        with np.errstate(invalid='ignore'):
            found = figures(file, score_mode=mode, **broken)
        assert found['coco/AP'] == found['coco/AR'] == 0


@pytest.mark.parametrize('nms', ['oks_nms', 'soft_oks_nms', 'none'])
def test_one_of_nan_hides_nobody_else(tmp_path: Path, nms: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the suppression of duplicates NaN is not below the limit."""
    file, joints = people(tmp_path)
    both = np.stack([np.full_like(joints, np.nan), joints], axis=1)
    said: list[str] = []
    monkeypatch.setattr(finite_predictions, 'print_log', lambda message, *_: said.append(message))
    assert figures(file, both, nms_mode=nms)['coco/AP'] == pytest.approx(1)
    assert len(said) == 1 and re.match('12 of 24 predictions are not finite.*first in image 1', said[0])


def test_each_that_is_not_finite_is_missed(tmp_path: Path) -> None:
    file, joints = people(tmp_path)
    broken = joints.copy()
    broken[3, 5, 0] = np.nan
    broken[7, 0, 1] = np.inf
    assert figures(file, broken)['coco/AR'] == pytest.approx(10 / 12)


def test_finite_results_are_the_same_objects() -> None:
    results = [(dict(keypoints=np.zeros((2, 3, 2)), keypoint_scores=np.zeros((2, 3)), bbox_scores=np.ones(2)), 'truth')]
    assert keep_finite(results)[0] is results[0]
    results[0][0]['keypoints'][1, 2, 0] = np.nan
    [(prediction, truth)] = keep_finite(results)
    assert {name: len(values) for name, values in prediction.items()} == dict(
        keypoints=1, keypoint_scores=1, bbox_scores=1) and truth == 'truth'


_SCRIPT = """
import sys, numpy as np
from pathlib import Path
import distilpose
from tests.host.test_finite_predictions import figures, people
file, joints = people(Path(sys.argv[1]))
print('FOUND', figures(file, joints)['coco/AP'], figures(file, joints * np.nan)['coco/AP'])
"""


@pytest.mark.slow
@pytest.mark.parametrize('environment', [dict(DISTILPOSE_SPEEDUPS='off'),
                                         dict(DISTILPOSE_COCO_EVALUATION='pycocotools')], ids=str)
def test_whoever_computes(tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, '-c', _SCRIPT, str(tmp_path / 'data')], cwd=PROJECT, capture_output=True,
                          text=True, env={**os.environ, 'PYTHONPATH': str(PROJECT), **environment}, check=True)
    perfect, broken = map(float, done.stdout.rpartition('FOUND ')[2].split())
    assert perfect == pytest.approx(1) and broken == 0
