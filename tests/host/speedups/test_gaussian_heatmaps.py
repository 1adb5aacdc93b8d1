"""Heatmap targets, against mmpose's own functions."""

from __future__ import annotations

import numpy as np
import pytest
from mmpose.codecs import msra_heatmap, udp_heatmap

from distilpose.host.speedups import gaussian_heatmaps

NAMES = [f'generate_{kind}gaussian_heatmaps' for kind in ('', 'unbiased_', 'udp_')]
SIZES = [((24, 20), 1.5), ((48, 64), 2.0), ((7, 9), 2), ((24, 20), np.float64(1.7)), ((24, 20), 1.7), ((13, 40), 1.1)]


@pytest.mark.parametrize('people', [1, 3])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('name', NAMES)
def test_equal_to_the_bit(name: str, people: int, dtype: type) -> None:
    generator = np.random.default_rng(0)
    function = getattr(gaussian_heatmaps, name)
    for size, sigma in SIZES:
        if name == NAMES[0] and isinstance(sigma, np.float64):
            sigma = (sigma, ) * people  # mmpose takes one for each person there
        keypoints = (generator.uniform(-1.5, 2.5, (people, 200, 2)) * size).astype(dtype)
        visible = generator.choice([0, 0.4, 0.5, 1, 2], (people, 200)).astype(np.float32)
        (ours, our_weights), (theirs, their_weights) = (draw(size, keypoints.copy(), visible.copy(), sigma)
                                                        for draw in (function, function.__wrapped__))
        assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
        assert our_weights.dtype == their_weights.dtype and np.array_equal(our_weights, their_weights)
        assert (theirs > 0.5).any() and (their_weights[visible > 0.5] == 0).any()


@pytest.mark.parametrize('name', NAMES[::2])
def test_keypoints_that_are_not_finite_are_not_drawn(name: str) -> None:
    keypoints = np.array([[[np.nan, 3], [3, np.inf], [3, 3]]], np.float32)
    with np.errstate(invalid='ignore'):
        heatmaps, weights = getattr(gaussian_heatmaps, name)((8, 8), keypoints, np.ones((1, 3), np.float32), 2.0)
    assert weights.tolist() == [[0, 0, 1]] and not heatmaps[:2].any() and heatmaps[2].max() == 1


def test_the_codecs_use_them() -> None:
    for codec, names in ((msra_heatmap, NAMES[:2]), (udp_heatmap, NAMES[2:])):
        for name in names:
            assert getattr(codec, name) is getattr(gaussian_heatmaps, name)
