"""Heatmap targets, against mmpose's own function."""

from __future__ import annotations

import numpy as np
import pytest
from mmpose.codecs import msra_heatmap

from distilpose.host.speedups.gaussian_heatmaps import generate_unbiased_gaussian_heatmaps, keypoint_by_keypoint


@pytest.mark.parametrize('people', [1, 3])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_equal_to_the_bit(people: int, dtype: type) -> None:
    generator = np.random.default_rng(0)
    for size, sigma in (((24, 20), 1.5), ((48, 64), 2.0), ((7, 9), 2), ((24, 20), np.float64(1.7))):
        keypoints = (generator.uniform(-0.5, 1.5, (people, 17, 2)) * size).astype(dtype)
        visible = generator.choice([0, 0.4, 0.5, 1, 2], (people, 17)).astype(np.float32)
        (ours, our_weights), (theirs, their_weights) = (function(size, keypoints, visible, sigma) for function in
                                                        (generate_unbiased_gaussian_heatmaps, keypoint_by_keypoint))
        assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
        assert np.array_equal(our_weights, their_weights) and (theirs > 0.5).any()


def test_the_codec_uses_it() -> None:
    assert msra_heatmap.generate_unbiased_gaussian_heatmaps is generate_unbiased_gaussian_heatmaps
