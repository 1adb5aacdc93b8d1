"""Keypoints lie where an annotator would click, on the person's own left and right."""

from __future__ import annotations

from pathlib import Path

import mmpose
import numpy as np
import pytest
from mmengine.config import Config

from distilpose.synthetic.landmarks import (
    COCO_KEYPOINTS,
    COCO_SKELETON,
    FACE,
    FOOT,
    LEFT_HAND,
    MPII_JOINTS,
    RIGHT_HAND,
    Landmarks,
    find_landmarks,
)
from distilpose.synthetic.people import draw_shape
from distilpose.synthetic.poses import draw_pose
from distilpose.synthetic.rasteriser import look_at
from distilpose.synthetic.skeleton import INDEX, JOINTS, BodyShape, forward_kinematics

COCO = {name: index for index, name in enumerate(COCO_KEYPOINTS)}
MPII = {name: index for index, name in enumerate(MPII_JOINTS)}


@pytest.fixture(scope='module')
def rest() -> Landmarks:
    skeleton = forward_kinematics(np.zeros((len(JOINTS), 3)), BodyShape().offsets())
    return find_landmarks(skeleton, BodyShape())


@pytest.fixture(scope='module')
def seen(rest: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of a person who stands upright facing the camera: whole body, MPII."""
    camera = look_at(np.array([0.0, 0.3, 4.0]), np.array([0.0, 0.0, 0.0]), roll=0.0, focal=400.0, size=320)
    return camera.project(rest.whole_body)[0], camera.project(rest.mpii)[0]


def test_there_are_133_and_16(rest: Landmarks) -> None:
    assert rest.whole_body.shape == (133, 3) and rest.mpii.shape == (16, 3) and rest.depths.shape == (133,)
    assert (rest.depths > 0).all()


@pytest.mark.parametrize('part', ['eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'])
def test_left_is_at_larger_x_when_facing_the_camera(seen: tuple[np.ndarray, np.ndarray], part: str) -> None:
    body = seen[0]
    assert body[COCO[f'left_{part}'], 0] > body[COCO[f'right_{part}'], 0]


def test_whole_body_parts_are_on_their_sides(seen: tuple[np.ndarray, np.ndarray]) -> None:
    body = seen[0]
    assert body[LEFT_HAND, 0].min() > body[RIGHT_HAND, 0].max()
    assert body[FOOT][:3, 0].min() > body[FOOT][3:, 0].max()  # left big toe, small toe, heel; then the right ones
    face = body[FACE]
    assert face[0, 0] < face[16, 0]  # the jaw line begins at the person's right ear
    assert face[36:42, 0].max() < face[42:48, 0].min()  # right eye, then left eye
    assert face[17:22, 0].max() < face[22:27, 0].min()  # right brow, then left brow
    np.testing.assert_allclose(face[36:42].mean(axis=0), body[COCO['right_eye']], atol=2.0)
    np.testing.assert_allclose(face[42:48].mean(axis=0), body[COCO['left_eye']], atol=2.0)


def test_mpii_agrees_with_coco(seen: tuple[np.ndarray, np.ndarray]) -> None:
    body, mpii = seen
    for name, index in MPII.items():
        long = {'ank': 'ankle', 'kne': 'knee', 'hip': 'hip', 'wri': 'wrist', 'elb': 'elbow', 'sho': 'shoulder'}
        if name[1:] in long:
            side = {'l': 'left', 'r': 'right'}[name[0]]
            np.testing.assert_allclose(mpii[index], body[COCO[f'{side}_{long[name[1:]]}']])
    middle, thorax, neck, head = (mpii[MPII[name]] for name in ('pelvis', 'thorax', 'neck', 'head'))
    np.testing.assert_allclose(middle, (mpii[MPII['lhip']] + mpii[MPII['rhip']]) / 2, atol=1e-6)
    assert head[1] < neck[1] < thorax[1] < middle[1]


def test_orders_are_those_of_mmpose() -> None:
    folder = Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets'
    for name in ('coco', 'coco_wholebody'):
        info = Config.fromfile(folder / f'{name}.py').dataset_info.keypoint_info
        assert tuple(info[index]['name'] for index in range(17)) == COCO_KEYPOINTS
    whole = [info[index]['name'] for index in range(133)]
    assert whole[FOOT] == ['left_big_toe', 'left_small_toe', 'left_heel', 'right_big_toe', 'right_small_toe',
                           'right_heel']  # fmt: skip
    assert whole[91] == 'left_hand_root' and whole[112] == 'right_hand_root'
    long = {'ank': 'ankle', 'kne': 'knee', 'hip': 'hip', 'wri': 'wrist', 'elb': 'elbow', 'sho': 'shoulder'}
    info = Config.fromfile(folder / 'mpii.py').dataset_info.keypoint_info
    for index, name in enumerate(MPII_JOINTS):
        expected = f'{dict(l="left", r="right")[name[0]]}_{long[name[1:]]}' if name[1:] in long else name
        assert info[index]['name'] in (expected, {'neck': 'upper_neck', 'head': 'head_top'}.get(name))


def test_the_skeleton_joins_what_belongs_together() -> None:
    assert len(COCO_SKELETON) == 19
    names = {frozenset((COCO_KEYPOINTS[one - 1], COCO_KEYPOINTS[two - 1])) for one, two in COCO_SKELETON}
    assert frozenset(('left_knee', 'left_ankle')) in names and frozenset(('right_elbow', 'right_wrist')) in names


def test_feet_and_hands_hang_on_the_limbs_in_every_pose() -> None:
    rng = np.random.default_rng(2)
    for _ in range(40):
        shape = draw_shape(rng)
        pose = draw_pose(rng, shape)
        body = find_landmarks(pose.skeleton, shape, curls=tuple(rng.uniform(0, 1, 2))).whole_body
        for side, hand, foot in (('left', LEFT_HAND, FOOT.start), ('right', RIGHT_HAND, FOOT.start + 3)):
            wrist, ankle = body[COCO[f'{side}_wrist']], body[COCO[f'{side}_ankle']]
            np.testing.assert_allclose(body[hand][0], wrist)
            assert (np.linalg.norm(body[hand] - wrist, axis=1) < 0.13 * shape.height).all()
            toe, _, heel = body[foot : foot + 3]
            assert np.linalg.norm(toe - ankle) > np.linalg.norm(heel - ankle)
            assert (toe - heel) @ pose.skeleton.rotations[INDEX[f'{side}_ankle']][:, 2] > 0.1 * shape.height
        nose, eyes, ears = body[0], body[1:3].mean(axis=0), body[3:5].mean(axis=0)
        ahead = pose.skeleton.rotations[INDEX['head']][:, 2]
        assert (nose - eyes) @ ahead > 0 and (eyes - ears) @ ahead > 0
