from __future__ import annotations

import numpy as np
import pytest

from distilpose.synthetic.poses import FAMILIES, Pose, draw_pose
from distilpose.synthetic.skeleton import INDEX, LIMITS, SIDES, BodyShape, deepest_collision

SHAPE = BodyShape()
COUNT = 25
AIRBORNE = ('running', 'jumping')


@pytest.fixture(scope='module', params=tuple(FAMILIES))
def poses(request: pytest.FixtureRequest) -> list[Pose]:
    """Poses of one family."""
    rng = np.random.default_rng(11)
    return [draw_pose(rng, SHAPE, family=request.param) for _ in range(COUNT)]


def soles(pose: Pose, side: str) -> np.ndarray:
    return pose.skeleton.points(f'{side}_ankle', SHAPE.sole())


def test_all_joints_are_within_their_ranges(poses: list[Pose]) -> None:
    for pose in poses:
        assert (pose.angles >= LIMITS[..., 0] - 1e-9).all() and (pose.angles <= LIMITS[..., 1] + 1e-9).all()


def test_knees_and_elbows_bend_one_way(poses: list[Pose]) -> None:
    """Seen from the upper bone, the lower one never points backwards (elbow) or forwards (knee)."""
    for pose in poses:
        at, frames = pose.skeleton.positions, pose.skeleton.rotations
        for side in SIDES:
            for upper, joint, end, sign in (('shoulder', 'elbow', 'wrist', 1.0), ('hip', 'knee', 'ankle', -1.0)):
                bone = at[INDEX[f'{side}_{end}']] - at[INDEX[f'{side}_{joint}']]
                assert sign * (frames[INDEX[f'{side}_{upper}']][:, 2] @ bone) >= -1e-9


def test_bones_have_the_shapes_lengths(poses: list[Pose]) -> None:
    thigh, shank = (np.linalg.norm(SHAPE.offsets()[INDEX[f'left_{name}']]) for name in ('knee', 'ankle'))
    for pose in poses:
        at = pose.skeleton.positions
        for side in SIDES:
            hip, knee, ankle = (at[INDEX[f'{side}_{name}']] for name in ('hip', 'knee', 'ankle'))
            assert np.linalg.norm(knee - hip) == pytest.approx(thigh) and np.linalg.norm(ankle - knee) == pytest.approx(
                shank
            )


def test_the_lowest_sole_is_on_the_ground(poses: list[Pose]) -> None:
    for pose in poses:
        lowest = min(soles(pose, side)[:, 1].min() for side in SIDES)
        assert lowest >= -1e-9
        if pose.family not in AIRBORNE:
            assert lowest == pytest.approx(0.0, abs=1e-9)


def test_nothing_but_feet_is_near_the_ground(poses: list[Pose]) -> None:
    feet = [INDEX[f'{side}_ankle'] for side in SIDES]
    for pose in poses:
        others = np.delete(pose.skeleton.positions[:, 1], feet)
        assert others.min() > 0.03


def test_no_limb_passes_through_the_body(poses: list[Pose]) -> None:
    assert max(deepest_collision(pose.skeleton, SHAPE.height) for pose in poses) < 0.2


def test_the_head_is_above_the_hips(poses: list[Pose]) -> None:
    for pose in poses:
        assert pose.skeleton.positions[INDEX['head'], 1] > pose.skeleton.positions[INDEX['pelvis'], 1] + 0.1


@pytest.mark.parametrize('family', ['standing', 'squatting', 'leaning'])
def test_who_stands_still_is_balanced(family: str) -> None:
    """The middle of trunk and head is about over the feet."""
    rng = np.random.default_rng(5)
    for _ in range(COUNT):
        pose = draw_pose(rng, SHAPE, family=family)
        feet = np.concatenate([soles(pose, side) for side in SIDES])
        at = pose.skeleton.positions
        weight = at[
            [INDEX[name] for name in ('pelvis', 'pelvis', 'spine', 'chest', 'neck', 'left_knee', 'right_knee')]
        ].mean(0)
        assert feet[:, 2].min() - 0.12 < weight[2] < feet[:, 2].max() + 0.12
        assert feet[:, 0].min() - 0.12 < weight[0] < feet[:, 0].max() + 0.12


def test_standing_feet_are_both_on_the_ground_and_flat() -> None:
    rng = np.random.default_rng(6)
    for _ in range(COUNT):
        pose = draw_pose(rng, SHAPE, family='standing')
        for side in SIDES:
            heights = soles(pose, side)[:, 1]
            assert heights.max() < 0.09 and np.ptp(heights) < 0.05


def test_families_differ_as_their_names_say() -> None:
    rng = np.random.default_rng(7)
    height = {}
    for family in FAMILIES:
        poses = [draw_pose(rng, SHAPE, family=family) for _ in range(COUNT)]
        assert all(pose.family == family and pose.has_seat == (family == 'sitting') for pose in poses)
        height[family] = np.mean([pose.skeleton.positions[0, 1] for pose in poses])
    assert height['squatting'] < 0.8 * height['standing'] and height['sitting'] < 0.8 * height['standing']
    assert height['jumping'] > height['standing'] - 0.1


def test_a_pose_depends_on_the_seed_only() -> None:
    one, two = (draw_pose(np.random.default_rng(8), SHAPE) for _ in range(2))
    np.testing.assert_array_equal(one.angles, two.angles)
    assert not np.array_equal(one.angles, draw_pose(np.random.default_rng(9), SHAPE).angles)


def test_all_families_turn_up() -> None:
    rng = np.random.default_rng(10)
    assert {draw_pose(rng, SHAPE).family for _ in range(120)} == set(FAMILIES)
    assert sum(share for share, _ in FAMILIES.values()) == pytest.approx(1.0)
