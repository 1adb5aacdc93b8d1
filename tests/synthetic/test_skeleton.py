from __future__ import annotations

import numpy as np
import pytest

from distilpose.synthetic.landmarks import CHIN, HEAD_TOP
from distilpose.synthetic.rasteriser import turn
from distilpose.synthetic.skeleton import (
    INDEX,
    JOINTS,
    LIMITS,
    PARENTS,
    SIDES,
    BodyShape,
    clip_to_limits,
    deepest_collision,
    forward_kinematics,
    rotations_from_angles,
)

from .bodies import angles, resting


def random_angles(seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).uniform(LIMITS[..., 0], LIMITS[..., 1])
    drawn[:, 1] = np.clip(drawn[:, 1], -85, 85)
    return drawn


def test_bones_keep_their_lengths_in_every_pose() -> None:
    offsets = BodyShape(height=1.8, limbs=1.05).offsets()
    lengths = np.linalg.norm(offsets[1:], axis=1)
    for seed in range(20):
        positions = forward_kinematics(random_angles(seed), offsets).positions
        found = np.linalg.norm(positions[1:] - positions[list(PARENTS[1:])], axis=1)
        np.testing.assert_allclose(found, lengths, atol=1e-12)


def test_rotations_are_rotations() -> None:
    rotations = rotations_from_angles(random_angles(0))
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (len(JOINTS), 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0)


def test_a_standing_body_is_as_tall_as_said_and_seven_and_a_half_heads_high() -> None:
    shape = BodyShape(height=1.72)
    skeleton = resting(shape)
    top = skeleton.positions[INDEX['head'], 1] + HEAD_TOP * shape.height
    sole = skeleton.points('left_ankle', shape.sole())[:, 1].min()
    assert top - sole == pytest.approx(1.72, rel=0.02)
    assert shape.height / ((HEAD_TOP - CHIN) * shape.height) == pytest.approx(7.5, abs=0.5)


def test_the_persons_left_is_on_the_left_of_who_looks_forwards() -> None:
    positions = resting().positions
    for name in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'):
        assert positions[INDEX[f'left_{name}'], 0] > 0 > positions[INDEX[f'right_{name}'], 0]
    # left x up = forward: the axes are right-handed
    np.testing.assert_array_equal(np.cross([1, 0, 0], [0, 1, 0]), [0, 0, 1])


@pytest.mark.parametrize('side', SIDES)
def test_joints_bend_to_where_a_body_bends(side: str) -> None:
    rest = resting().positions

    def move(joint: str, end: str, flex: float = 0.0, abd: float = 0.0, twist: float = 0.0) -> np.ndarray:
        return (
            resting(**{f'{side}_{joint}': (flex, abd, twist)}).positions[INDEX[f'{side}_{end}']]
            - rest[INDEX[f'{side}_{end}']]
        )

    outwards = 1.0 if side == 'left' else -1.0
    assert move('elbow', 'wrist', flex=60)[2] > 0.1  # the forearm comes forwards
    assert move('knee', 'ankle', flex=60)[2] < -0.1  # the shank goes back
    assert move('hip', 'knee', flex=60)[2] > 0.1
    assert move('shoulder', 'elbow', flex=60)[2] > 0.1
    assert move('shoulder', 'elbow', abd=60)[0] * outwards > 0.1
    assert move('hip', 'knee', abd=30)[0] * outwards > 0.1
    assert move('clavicle', 'shoulder', abd=20)[1] > 0.02  # a shrug


@pytest.mark.parametrize('side', SIDES)
def test_feet_turn_outwards_and_point_down(side: str) -> None:
    toes = np.array([[0.0, 0.0, 0.1]])
    ankle = f'{side}_ankle'
    turned = resting(**{f'{side}_hip': (0, 0, 30)}).points(ankle, toes) - resting().points(ankle, toes)
    assert turned[0, 0] * (1.0 if side == 'left' else -1.0) > 0.02
    assert (resting(**{f'{side}_ankle': (30, 0, 0)}).points(ankle, toes) - resting().points(ankle, toes))[0, 1] < -0.02


def test_equal_angles_on_both_sides_give_a_symmetric_body() -> None:
    pose = np.random.default_rng(2).uniform(LIMITS[..., 0], LIMITS[..., 1])
    pose[:5, 1:] = 0.0  # the trunk bends forwards only
    for name in JOINTS:
        if name.startswith('right_'):
            pose[INDEX[name]] = pose[INDEX[name.replace('right_', 'left_')]]
    positions = forward_kinematics(pose, BodyShape().offsets()).positions
    mirrored = positions * [-1, 1, 1]
    for name in JOINTS:
        other = name.replace('left_', 'RIGHT_').replace('right_', 'left_').replace('RIGHT_', 'right_')
        np.testing.assert_allclose(positions[INDEX[name]], mirrored[INDEX[other]], atol=1e-12)


def test_clipping_leaves_possible_angles_alone_and_bounds_the_others() -> None:
    possible = np.random.default_rng(4).uniform(LIMITS[..., 0], LIMITS[..., 1])
    np.testing.assert_array_equal(clip_to_limits(possible), possible)
    clipped = clip_to_limits(angles(left_knee=(-40, 10, 0), right_elbow=(200, 0, 0)))
    assert clipped[INDEX['left_knee']].tolist() == [0, 0, 0] and clipped[INDEX['right_elbow'], 0] == 145


def test_no_knee_or_elbow_can_be_overstretched() -> None:
    for side in SIDES:
        for joint in ('knee', 'elbow'):
            assert LIMITS[INDEX[f'{side}_{joint}'], 0, 0] == 0.0


def test_moving_a_skeleton_is_rigid() -> None:
    skeleton = forward_kinematics(random_angles(5), BodyShape().offsets())
    moved = skeleton.moved(turn(1.1), np.array([1.0, 2.0, 3.0]))
    offsets = np.array([[0.1, 0.0, 0.2], [0.0, 0.3, 0.0]])
    expected = skeleton.points('left_knee', offsets) @ turn(1.1).T + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(moved.points('left_knee', offsets), expected, atol=1e-12)


def test_arms_spread_collide_with_nothing() -> None:
    spread = resting(left_shoulder=(0, 40, 0), right_shoulder=(0, 40, 0), left_hip=(0, 10, 0), right_hip=(0, 10, 0))
    assert deepest_collision(spread, 1.72) <= 0.0


@pytest.mark.parametrize('side', ['left', 'right'])
def test_a_hand_in_the_belly_is_noticed(side: str) -> None:
    inside = resting(**{f'{side}_shoulder': (-10, 5, -80), f'{side}_elbow': (100, 0, 0)})
    assert deepest_collision(inside, 1.72) > 0.3
