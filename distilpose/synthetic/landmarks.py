"""Keypoints as points of the body: the 133 of COCO-WholeBody and the 16 of MPII, with head and hands they lie on.

Lengths are fractions of the standing height, in the frame of the joint (x to the person's left, y up, z forward).
A longitude of 0 on the head faces forwards; positive longitudes lie on the person's left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .skeleton import INDEX, SIDES, Array, BodyShape, PosedSkeleton

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

# Centre and half axes of the ellipsoids that make the head.
CRANIUM = np.array([[0.0, 0.066, 0.010], [0.0445, 0.055, 0.056]])
JAW = np.array([[0.0, 0.036, 0.025], [0.0365, 0.045, 0.040]])
NOSE = np.array([[0.0, 0.041, 0.0665], [0.0075, 0.013, 0.0125]])
EAR = np.array([[0.0450, 0.050, 0.004], [0.0055, 0.0155, 0.0095]])  # the left one
HEAD_TOP, CHIN = 0.121, -0.006
_AXIS_Z = 0.012  # the vertical axis that longitudes turn about
_EYE_LONGITUDE, _EYE_HEIGHT, _MOUTH_HEIGHT = 21.0, 0.0565, 0.0180
_NOSE_TIP = np.array([0.0, 0.0375, 0.0785])

# The left hand: fingers point down, the thumb forwards, the palm to the person's right. Rows: index, middle, ring,
# little finger.
_KNUCKLES = np.array([[0.0, -0.053, 0.0150], [0.0, -0.055, 0.0050], [0.0, -0.053, -0.0050], [0.0, -0.049, -0.0140]])
_PHALANGES = np.array([[0.024, 0.015, 0.012], [0.026, 0.017, 0.013], [0.024, 0.016, 0.012], [0.019, 0.012, 0.011]])
_THUMB = np.array([[-0.004, -0.014, 0.015], [-0.009, -0.032, 0.028], [-0.012, -0.047, 0.035], [-0.014, -0.060, 0.039]])
_FOLDED_THUMB = np.array(
    [[-0.006, -0.014, 0.014], [-0.014, -0.032, 0.020], [-0.019, -0.046, 0.015], [-0.020, -0.056, 0.006]]
)
_TOES = np.array([[-0.006, -0.028, 0.088], [0.015, -0.029, 0.078], [0.0, -0.030, -0.033]])  # left: big, small, heel
_MIRROR = np.array([-1.0, 1.0, 1.0])

_DEPTHS = dict(shoulder=0.050, elbow=0.034, wrist=0.028, hip=0.075, knee=0.047, ankle=0.038)
_BODY_DEPTHS = [0.010, 0.010, 0.010, 0.014, 0.014] + [_DEPTHS[name.split('_')[1]] for name in COCO_KEYPOINTS[5:]]
_TOLERATED = np.concatenate([_BODY_DEPTHS, np.full(6, 0.03), np.full(68, 0.010), np.full(42, 0.018)])
"""How far below the surface a keypoint may lie and still count as seen, (133,), as fractions of the height."""


def _on_surface(longitude: Array, height: Array) -> Array:
    """Points (N, 3) of the skin at longitudes (N,) in degrees and heights (N,)."""
    angle = np.deg2rad(longitude)
    direction = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
    origin = np.stack([np.zeros_like(angle), height, np.full_like(angle, _AXIS_Z)], axis=1)
    reach = np.zeros_like(angle)
    for centre, axes in (CRANIUM, JAW):
        start, step = (origin - centre) / axes, direction / axes
        a, b, c = (step * step).sum(1), (start * step).sum(1), (start * start).sum(1) - 1.0
        root = b * b - a * c
        reach = np.maximum(reach, np.where(root > 0.0, (np.sqrt(np.maximum(root, 0.0)) - b) / a, 0.0))
    return origin + reach[:, None] * direction


def _face_points() -> Array:
    """The 68 points of the face, (68, 3), in the usual order, which starts at the person's right ear."""
    jaw = [(84.0 * t, CHIN + 0.004 + 0.056 * abs(t) ** 1.7) for t in np.linspace(-1.0, 1.0, 17)]
    left_brow = [(9.0, 0.0655), (15.0, 0.0685), (22.0, 0.0695), (29.0, 0.0685), (35.0, 0.0655)]
    right_brow = [(-longitude, height) for longitude, height in left_brow[::-1]]
    bridge = [(0.0, height) for height in np.linspace(0.0555, _NOSE_TIP[1], 4)]
    base = [(longitude, 0.0315 - 0.0008 * (longitude == 0)) for longitude in (-8.0, -4.0, 0.0, 4.0, 8.0)]
    lids = [(-7.0, 0.0), (-2.5, 0.0036), (2.5, 0.0036), (7.0, 0.0), (2.5, -0.003), (-2.5, -0.003)]
    eyes = [(side * _EYE_LONGITUDE + x, _EYE_HEIGHT + y) for side in (-1, 1) for x, y in lids]
    outer = [(-17.0, 0.0), (-11.0, 0.0035), (-4.5, 0.0052), (0.0, 0.0045), (4.5, 0.0052), (11.0, 0.0035), (17.0, 0.0),
             (11.0, -0.0042), (4.5, -0.0062), (0.0, -0.0066), (-4.5, -0.0062), (-11.0, -0.0042)]  # fmt: skip
    inner = [(-14.0, 0.0), (-5.0, 0.0014), (0.0, 0.0014), (5.0, 0.0014), (14.0, 0.0), (5.0, -0.0016), (0.0, -0.0018),
             (-5.0, -0.0016)]  # fmt: skip
    mouth = [(longitude, _MOUTH_HEIGHT + height) for longitude, height in outer + inner]
    outline = np.array(jaw + right_brow + left_brow + bridge + base + eyes + mouth)
    points = _on_surface(outline[:, 0], outline[:, 1])
    points[27:31, 2] = np.linspace(points[27, 2] + 0.002, _NOSE_TIP[2], 4)
    points[31:36, 2] += np.array([0.002, 0.005, 0.007, 0.005, 0.002])
    return points


FACE_POINTS: Array = _face_points()
_EYES = _on_surface(np.array([_EYE_LONGITUDE, -_EYE_LONGITUDE]), np.full(2, _EYE_HEIGHT))
_HEAD_POINTS = np.concatenate([_NOSE_TIP[None], _EYES, EAR[:1], EAR[:1] * _MIRROR])


def hand_points(curl: float, side: str) -> Array:
    """The 21 points of a hand: wrist, then four each of thumb, index, middle, ring and little finger, root to tip.

    Args:
        curl: Bend of the fingers, from 0 stretched and spread to 1 in a fist.
        side: ``'left'`` or ``'right'``.

    Returns:
        (21, 3), as fractions of the standing height in the wrist's frame.
    """
    bends = np.deg2rad(np.cumsum(curl * np.array([62.0, 82.0, 55.0])))
    fan = np.deg2rad((1.0 - curl) * np.array([[8.0], [1.6], [-4.8], [-11.2]]))
    steps = np.stack([np.broadcast_to(-np.sin(bends), (4, 3)), -np.cos(bends) * np.cos(fan),
                      np.cos(bends) * np.sin(fan)], axis=2)  # fmt: skip
    joints = _KNUCKLES[:, None] + np.cumsum(steps * _PHALANGES[:, :, None], axis=1)
    fingers = np.concatenate([_KNUCKLES[:, None], joints], axis=1).reshape(16, 3)
    thumb = (1.0 - curl) * _THUMB + curl * _FOLDED_THUMB
    points = np.concatenate([np.zeros((1, 3)), thumb, fingers])
    return points * (_MIRROR if side == 'right' else 1.0)


@dataclass(frozen=True)
class Landmarks:
    """Keypoints of one person in space.

    Attributes:
        whole_body: (133, 3) in metres, COCO-WholeBody's order; the first 17 are COCO's.
        mpii: (16, 3) in metres, MPII's order.
        depths: (133,) in metres: how far behind the visible surface a keypoint may lie and still be seen.
    """

    whole_body: Array
    mpii: Array
    depths: Array


def find_landmarks(skeleton: PosedSkeleton, shape: BodyShape, *, curls: tuple[float, float] = (0.0, 0.0)) -> Landmarks:
    """The keypoints of a posed body.

    Args:
        skeleton: The posed skeleton.
        shape: The body.
        curls: Bend of the left and the right hand, see :func:`hand_points`.
    """
    height, head = shape.height, shape.height * shape.head
    whole_body = np.concatenate([
        skeleton.points('head', head * _HEAD_POINTS),
        skeleton.positions[[INDEX[name] for name in COCO_KEYPOINTS[5:]]],
        skeleton.points('left_ankle', height * _TOES),
        skeleton.points('right_ankle', height * _TOES * _MIRROR),
        skeleton.points('head', head * FACE_POINTS),
        *(skeleton.points(f'{side}_wrist', height * hand_points(curl, side))
          for side, curl in zip(SIDES, curls, strict=True)),
    ])  # fmt: skip
    return Landmarks(whole_body, _mpii_joints(skeleton, shape, whole_body), height * _TOLERATED)


def _mpii_joints(skeleton: PosedSkeleton, shape: BodyShape, body: Array) -> Array:
    pelvis = 0.5 * (body[11:12] + body[12:13])
    thorax = skeleton.points('chest', shape.height * np.array([[0.0, 0.128, 0.0]]))
    head = skeleton.points('head', shape.height * np.array([[0.0, 0.012, -0.004], [0.0, HEAD_TOP * shape.head, 0.010]]))
    legs, arms = body[[16, 14, 12, 11, 13, 15]], body[[10, 8, 6, 5, 7, 9]]
    return np.concatenate([legs, pelvis, thorax, head, arms])
