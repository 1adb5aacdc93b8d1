"""The quick steps of mmpose's COCO metrics against mmpose's own."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import mmengine.fileio
import numpy as np
import pytest
from mmpose.evaluation.metrics import coco_metric, coco_wholebody_metric

from distilpose.host.speedups import coco_metric as coco_speedups

nms = importlib.import_module('mmpose.evaluation.functional.nms')


def people(seed: int, *, keypoints: int = 17, dtype: type = np.float32) -> list[dict]:
    """Up to 25 answers for one image: near copies of few people, some with equal scores and some equal altogether."""
    random = np.random.default_rng(seed)
    poses = random.uniform(0, 300, (random.integers(1, 5), keypoints, 2))
    chosen = random.integers(0, len(poses), random.integers(1, 26))
    found = []
    for pose in poses[chosen]:
        noisy = pose + random.normal(0, random.choice([0, 1, 5, 20]), pose.shape)
        found.append(dict(keypoints=np.concatenate([noisy, random.random((keypoints, 1))], 1).astype(dtype),
                          score=round(float(random.random()), 1), area=dtype(random.uniform(500, 20000))))
    return found


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('keypoints', [4, 14, 17, 133])
def test_oks_equals_mmpose(dtype: type, keypoints: int) -> None:
    sigmas = np.random.default_rng(9).uniform(0.02, 0.1, keypoints)
    for seed in range(10):
        found = people(seed, keypoints=keypoints, dtype=dtype)
        flat = np.array([person['keypoints'].ravel() for person in found])
        areas = np.array([person['area'] for person in found])
        for kind in (np.float32, np.float64):
            arguments = flat[0], flat[1:], areas[0], areas[1:], sigmas.astype(kind)
            expected, computed = coco_speedups.pairwise_oks(*arguments), coco_speedups.oks_iou(*arguments)
            assert computed.dtype == expected.dtype
            np.testing.assert_allclose(computed, expected, rtol=1e-6, atol=1e-30)  # all at once, not one by one


def test_what_it_does_not_compute_is_mmposes() -> None:
    flat = np.array([person['keypoints'].ravel() for person in people(3)])
    areas, sigmas = np.full(len(flat), 900.0), np.full(17, 0.05)
    alone = coco_speedups.oks_iou(flat[0], flat[1:1], areas[0], areas[1:1], sigmas=sigmas)
    assert alone.shape == (0, ) and alone.dtype == coco_speedups.pairwise_oks(flat[0], flat[:0], 900.0, areas[:0]).dtype
    for options in (dict(sigmas=None), dict(sigmas=sigmas, vis_thr=0.5)):
        np.testing.assert_array_equal(coco_speedups.oks_iou(flat[0], flat, areas[0], areas, **options),
                                      coco_speedups.pairwise_oks(flat[0], flat, areas[0], areas, **options))


@pytest.mark.parametrize(('function', 'threshold'), [('oks_nms', 0.9), ('oks_nms', 0.3), ('soft_oks_nms', 0.9)])
def test_suppression_keeps_the_same_people(monkeypatch: pytest.MonkeyPatch, function: str, threshold: float) -> None:
    assert nms.oks_iou is coco_speedups.oks_iou
    sigmas = np.full(17, 0.05, dtype=np.float32)
    images = [people(seed, dtype=(np.float32, np.float64)[seed % 2]) for seed in range(40)]
    quick = [getattr(coco_metric, function)(image, threshold, sigmas=sigmas) for image in images]
    monkeypatch.setattr(nms, 'oks_iou', coco_speedups.pairwise_oks)
    suppress = getattr(nms, function)
    for image, kept in zip(images, quick, strict=True):
        np.testing.assert_array_equal(kept, suppress(image, threshold, sigmas=sigmas))
    assert {len(image) - len(kept) for image, kept in zip(images, quick, strict=True)} != {0} or 'soft' in function


def test_suppression_of_what_is_left_to_mmpose() -> None:
    sigmas, image = np.full(17, 0.05), people(3) * 40
    assert len(image) > 100 and list(coco_metric.oks_nms([], 0.9, sigmas=sigmas)) == []
    for options in (dict(sigmas=sigmas), dict(), dict(sigmas=sigmas, vis_thr=0.2)):
        np.testing.assert_array_equal(coco_metric.oks_nms(image, 0.9, **options), nms.oks_nms(image, 0.9, **options))


def test_results_are_the_same_file_but_for_spaces(tmp_path: Path) -> None:
    results = [dict(image_id=3, keypoints=[0.1, 1e-9, 2 / 3], score=float(np.float32(0.1)), bbox=[1.0, 2.0])]
    coco_metric.dump(results, str(tmp_path / 'quick.json'), sort_keys=True, indent=4)
    mmengine.fileio.dump(results, str(tmp_path / 'mmpose.json'), sort_keys=True, indent=4)
    quick, published = ((tmp_path / name).read_text() for name in ('quick.json', 'mmpose.json'))
    assert json.loads(quick) == json.loads(published) == results
    assert '\n' not in quick and '\n' in published
    assert coco_wholebody_metric.dump is coco_metric.dump
