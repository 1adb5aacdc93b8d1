"""The keypoints that annotators click, as points of the body: 133 of COCO-WholeBody and 16 of MPII."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .hands import HandShape
from .head import EAR, EYES, FACE_POINTS, NOSE_TIP, TOP
from .skeleton import INDEX, Array, BodyShape, PosedSkeleton

COCO_KEYPOINTS = (
    'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow',
    'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle',
    'right_ankle',
)  # fmt: skip
COCO_SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11),
    (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
MPII_JOINTS = (
    'rank', 'rkne', 'rhip', 'lhip', 'lkne', 'lank', 'pelvis', 'thorax', 'neck', 'head', 'rwri', 'relb', 'rsho',
    'lsho', 'lelb', 'lwri',
)  # fmt: skip
BODY, FOOT, FACE = slice(0, 17), slice(17, 23), slice(23, 91)
LEFT_HAND, RIGHT_HAND = slice(91, 112), slice(112, 133)
WHOLE_BODY_COUNT = 133

_MIRROR = np.array([-1.0, 1.0, 1.0])
_TOES = np.array([[-0.006, -0.028, 0.088], [0.015, -0.029, 0.078], [0.0, -0.030, -0.033]])  # left: big, small, heel
_DEPTHS = {'shoulder': 0.050, 'elbow': 0.034, 'wrist': 0.028, 'hip': 0.075, 'knee': 0.047, 'ankle': 0.038}
"""How far below the surface a joint's centre may lie and still count as seen, as a fraction of the height."""


@dataclass(frozen=True)
class Landmarks:
    """Keypoints of one person in space.

    Attributes:
        whole_body: (133, 3) in metres, COCO-WholeBody's order.
        mpii: (16, 3) in metres, MPII's order.
        depths: (133,) in metres: how far behind the visible surface a keypoint may lie and still be seen.
    """

    whole_body: Array
    mpii: Array
    depths: Array

    def moved(self, rotation: Array, translation: Array) -> Landmarks:
        """The same keypoints after a rotation (3, 3) about the origin and a translation (3,)."""
        return Landmarks(self.whole_body @ rotation.T + translation, self.mpii @ rotation.T + translation, self.depths)


def _body_rows() -> tuple[NDArray[np.intp], Array, Array]:
    """Joints (17,), offsets (17, 3) and tolerated depths (17,) of the COCO keypoints; head offsets unscaled."""
    ears = np.array([EAR[0] * _MIRROR ** (1 - side) for side in (1, 0)])
    face = np.concatenate([NOSE_TIP[None], EYES, ears])
    joints, offsets = [INDEX['head']] * 5, list(face)
    depths = [0.010, 0.010, 0.010, 0.014, 0.014]
    for name in COCO_KEYPOINTS[5:]:
        joints.append(INDEX[name])
        offsets.append(np.zeros(3))
        depths.append(_DEPTHS[name.split('_')[1]])
    return np.array(joints), np.array(offsets), np.array(depths)


_BODY_ROWS = _body_rows()


def find_landmarks(
    skeleton: PosedSkeleton, shape: BodyShape, *, left_hand: HandShape, right_hand: HandShape
) -> Landmarks:
    """The keypoints of a posed body.

    Args:
        skeleton: Where its joints are.
        shape: The body.
        left_hand: How the left hand is held.
        right_hand: How the right hand is held.
    """
    height = shape.height
    joints, offsets, depths = _BODY_ROWS
    scale = np.where(np.arange(17) < 5, shape.head, 1.0)[:, None] * height
    body = skeleton.points(joints, offsets * scale)
    feet = [skeleton.points(np.full(3, INDEX[f'{side}_ankle']), height * _TOES * mirror)
            for side, mirror in (('left', np.ones(3)), ('right', _MIRROR))]  # fmt: skip
    face = skeleton.points(np.full(68, INDEX['head']), height * shape.head * FACE_POINTS)
    hands = [skeleton.points(np.full(21, INDEX[f'{side}_wrist']), height * hand.landmarks(side))
             for side, hand in (('left', left_hand), ('right', right_hand))]  # fmt: skip
    whole = np.concatenate([body, *feet, face, *hands])
    allowed = height * np.concatenate([depths, np.full(6, 0.03), np.full(68, 0.010), np.full(42, 0.018)])
    return Landmarks(whole, _mpii_joints(skeleton, shape, body), allowed)


def _mpii_joints(skeleton: PosedSkeleton, shape: BodyShape, body: Array) -> Array:
    head, chest = INDEX['head'], INDEX['chest']
    own = shape.height * np.array([[0.0, 0.128, 0.0], [0.0, 0.012, -0.004], [0.0, TOP * shape.head, 0.010]])
    thorax, neck, top = skeleton.points(np.array([chest, head, head]), own)
    pelvis = 0.5 * (body[11] + body[12])
    legs = body[[16, 14, 12, 11, 13, 15]]
    arms = body[[10, 8, 6, 5, 7, 9]]
    return np.concatenate([legs, np.stack([pelvis, thorax, neck, top]), arms])
