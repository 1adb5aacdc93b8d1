from __future__ import annotations

import numpy as np
import pytest

from distilpose.synthetic.collisions import deepest_collision, segment_distances

from .bodies import resting


def test_distances_agree_with_dense_sampling() -> None:
    rng = np.random.default_rng(0)
    ends = rng.normal(size=(4, 40, 3))
    steps = np.linspace(0, 1, 201)[:, None, None]
    one, two = (start + steps * (end - start) for start, end in (ends[:2], ends[2:]))
    sampled = np.linalg.norm(one[:, None] - two[None], axis=-1).min(axis=(0, 1))
    found = segment_distances(*ends)
    assert (found <= sampled + 1e-12).all()
    np.testing.assert_allclose(found, sampled, atol=0.02)


def test_crossing_parallel_and_point_segments() -> None:
    start_a, end_a = np.array([[-1, 0, 0], [0, 0, 0], [0, 0, 0.0]]), np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0.0]])
    start_b, end_b = np.array([[0, -1, 0], [2, 1, 0], [3, 4, 0.0]]), np.array([[0, 1, 0], [5, 1, 0], [3, 4, 0.0]])
    np.testing.assert_allclose(segment_distances(start_a, end_a, start_b, end_b), [0.0, 2**0.5, 5.0], atol=1e-6)


def test_arms_spread_collide_with_nothing() -> None:
    spread = resting(left_shoulder=(0, 40, 0), right_shoulder=(0, 40, 0), left_hip=(0, 10, 0), right_hip=(0, 10, 0))
    assert deepest_collision(spread, 1.72) <= 0.0


@pytest.mark.parametrize('side', ['left', 'right'])
def test_a_hand_in_the_belly_is_noticed(side: str) -> None:
    inside = resting(**{f'{side}_shoulder': (-10, 5, -80), f'{side}_elbow': (100, 0, 0)})
    assert deepest_collision(inside, 1.72) > 0.3
