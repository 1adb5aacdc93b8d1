"""OKS suppression of all images at once against mmpose's of each image."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from distilpose.host.speedups import coco_metric as coco_speedups
from distilpose.host.speedups.suppression import MOST_PEOPLE, suppress

from .test_coco_metric import people

nms = importlib.import_module('mmpose.evaluation.functional.nms')


def stacked(images: list[list[dict]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    keypoints, scores, areas = (np.array([person[name] for image in images for person in image])
                                for name in ('keypoints', 'score', 'area'))
    return keypoints, scores, areas, np.array([len(image) for image in images])


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize('score', [np.float32, np.float64])
@pytest.mark.parametrize(('keypoints', 'dtype'), [(14, np.float32), (17, np.float64), (133, np.float32)])
def test_keeps_the_people_that_mmpose_keeps(monkeypatch: pytest.MonkeyPatch, keypoints: int, dtype: type, score: type,
                                            soft: bool) -> None:
    """Up to 25 people an image with tied scores, in the order that numpy's sorting of each image gives."""
    sigmas = np.random.default_rng(3).uniform(0.02, 0.1, keypoints).astype(np.float32)
    images = [[dict(person, score=score(person['score'])) for person in people(seed, keypoints=keypoints, dtype=dtype)]
              for seed in range(25)]
    triples, scores, areas, counts = stacked(images)
    for threshold in (0.3, 0.9):
        kept = suppress(triples, scores, areas, counts=counts, sigmas=sigmas, threshold=threshold, soft=soft)
        with monkeypatch.context() as patch:
            patch.setattr(nms, 'oks_iou', coco_speedups.pairwise_oks)
            function = nms.soft_oks_nms if soft else coco_speedups.pairwise_nms
            expected = [start + np.asarray(function(image, threshold, sigmas=sigmas))
                        for start, image in zip(np.cumsum(counts) - counts, images, strict=True)]
        np.testing.assert_array_equal(kept, np.concatenate(expected))
        assert 0 < len(kept) < len(scores)


@pytest.mark.parametrize('soft', [False, True])
def test_crowds_beside_other_images(soft: bool) -> None:
    images = [people(1), people(3) * 40, [], people(2)]
    assert len(images[1]) > MOST_PEOPLE
    triples, scores, areas, counts = stacked(images)
    sigmas = np.full(17, 0.05)
    kept = suppress(triples, scores, areas, counts=counts, sigmas=sigmas, threshold=0.9, soft=soft)
    function = nms.soft_oks_nms if soft else nms.oks_nms
    expected = [start + np.asarray(function(image, 0.9, sigmas=sigmas), dtype=int)
                for start, image in zip(np.cumsum(counts) - counts, images, strict=True)]
    np.testing.assert_array_equal(kept, np.concatenate(expected))
    empty = suppress(triples[:0], scores[:0], areas[:0], counts=counts[:0], sigmas=sigmas, threshold=0.9)
    assert empty.shape == (0, )
