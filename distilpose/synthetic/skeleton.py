"""A jointed human skeleton: bone lengths, joint ranges, forward kinematics, and a test for intersecting limbs.

Axes of a person, in metres: x to the person's own left, y up, z forward (right-handed). At rest the
person stands upright with the arms hanging and the palms facing the thighs.

Every joint has three angles in degrees, named as in physiotherapy:

* ``flex``: flexion (knee and elbow: bending; ankle: pointing the toes down; wrist: towards the thumb's side),
* ``abd``: abduction away from the middle (spine and head: leaning to the person's right; clavicle:
  shrugging; wrist: bending towards the palm; ankle: turning the sole inwards),
* ``twist``: outward rotation about the limb's own axis (spine and head: turning to the left; elbow:
  turning the forearm so that the palm faces forward).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Vector = tuple[float, float, float]
Range = tuple[float, float]
_Row = tuple[str, str, Vector, Range, Range, Range]

SIDES = ('left', 'right')

# Name, parent, place in the parent's frame, ranges of flex, abd, twist in degrees. Places are fractions of the standing
# height after Drillis and Contini (1966), rounded. Ranges are rounded active ranges of motion of healthy adults
# (American Academy of Orthopaedic Surgeons); the trunk's is shared between its joints.
_TRUNK: tuple[_Row, ...] = (
    ('pelvis', '', (0.0, 0.0, 0.0), (-180, 180), (-180, 180), (-180, 180)),
    ('spine', 'pelvis', (0.0, 0.060, -0.004), (-20, 40), (-20, 20), (-25, 25)),
    ('chest', 'spine', (0.0, 0.092, 0.0), (-12, 25), (-12, 12), (-20, 20)),
    ('neck', 'chest', (0.0, 0.148, -0.006), (-30, 30), (-25, 25), (-40, 40)),
    ('head', 'neck', (0.0, 0.050, 0.008), (-20, 25), (-12, 12), (-30, 30)),
)
_LEFT: tuple[_Row, ...] = (
    ('clavicle', 'chest', (0.012, 0.128, 0.010), (0, 0), (-8, 30), (-15, 15)),
    ('shoulder', 'clavicle', (0.096, -0.004, -0.012), (-50, 175), (-15, 170), (-80, 90)),
    ('elbow', 'shoulder', (0.0, -0.178, 0.0), (0, 145), (0, 0), (-80, 80)),
    ('wrist', 'elbow', (0.0, -0.150, 0.0), (-25, 20), (-55, 60), (0, 0)),
    ('hip', 'pelvis', (0.050, -0.012, 0.0), (-25, 120), (-20, 50), (-35, 45)),
    ('knee', 'hip', (0.0, -0.240, 0.0), (0, 145), (0, 0), (0, 0)),
    ('ankle', 'knee', (0.0, -0.238, 0.0), (-30, 48), (-25, 20), (-15, 20)),
)
_MIDDLE = tuple(row[0] for row in _TRUNK)
_TABLE: tuple[_Row, ...] = _TRUNK + tuple(
    (f'{side}_{name}', parent if parent in _MIDDLE else f'{side}_{parent}', (sign * x, y, z), flex, abd, twist)
    for side, sign in (('left', 1.0), ('right', -1.0))
    for name, parent, (x, y, z), flex, abd, twist in _LEFT
)

JOINTS: tuple[str, ...] = tuple(row[0] for row in _TABLE)
INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINTS)}
PARENTS: tuple[int, ...] = tuple(INDEX.get(row[1], -1) for row in _TABLE)
LIMITS: Array = np.array([row[3:] for row in _TABLE], dtype=np.float64)  # (J, 3, 2): flex, abd, twist; low, high
_PLACES: Array = np.array([row[2] for row in _TABLE])
_SOLE: Array = np.array([[0.0, -0.040, -0.036], [0.0, -0.040, 0.070], [0.0, -0.040, 0.108]])


def _axis_signs() -> Array:
    """Signs (J, 3) that turn anatomical angles into right-handed rotations about x (flex), z (abd) and y (twist)."""
    signs = np.ones((len(JOINTS), 3))
    for name, index in INDEX.items():
        side, _, part = name.partition('_')
        if part in ('shoulder', 'elbow', 'wrist', 'hip'):
            signs[index, 0] = -1.0
        if part in ('wrist', 'ankle'):
            signs[index, 1] = -1.0
        if side == 'right':
            signs[index, 1:] *= -1.0
    return signs


_SIGNS = _axis_signs()


@dataclass(frozen=True)
class BodyShape:
    """Proportions of a body.

    Attributes:
        height: Standing height in metres.
        limbs: Length of arms and legs relative to the average of this height.
        shoulders: Shoulder width, likewise.
        hips: Hip width, likewise.
        girth: Thickness of trunk and limbs, likewise.
        head: Head size, likewise.
    """

    height: float = 1.72
    limbs: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    girth: float = 1.0
    head: float = 1.0

    def offsets(self) -> Array:
        """Position of every joint in its parent's frame, (J, 3) in metres."""
        scales = np.ones_like(_PLACES)
        for side in SIDES:
            scales[INDEX[f'{side}_shoulder'], 0] = self.shoulders
            scales[INDEX[f'{side}_hip'], 0] = self.hips
            scales[[INDEX[f'{side}_{name}'] for name in ('elbow', 'wrist', 'knee', 'ankle')], 1] = self.limbs
        return self.height * scales * _PLACES

    def sole(self) -> Array:
        """Heel, ball of the big toe and tip of the toes under the sole, (3, 3) in metres in the ankle's frame."""
        return self.height * _SOLE


@dataclass(frozen=True)
class PosedSkeleton:
    """Joint positions and bone frames of one person.

    Attributes:
        positions: Joint centres, (J, 3) in metres.
        rotations: Frames of the bones, (J, 3, 3): columns are the person's axes carried along by the joint.
    """

    positions: Array
    rotations: Array

    def moved(self, rotation: Array, translation: Array) -> PosedSkeleton:
        """The same pose after a rotation (3, 3) about the origin and a translation (3,) in metres."""
        return PosedSkeleton(self.positions @ rotation.T + translation, rotation @ self.rotations)

    def points(self, joint: str, offsets: Array) -> Array:
        """Points fixed to a bone: ``offsets`` (..., 3) in its frame, as (..., 3) in metres."""
        index = INDEX[joint]
        return np.asarray(self.positions[index] + offsets @ self.rotations[index].T)


def rotations_from_angles(angles: Array) -> Array:
    """Rotation of every joint relative to its parent.

    Args:
        angles: Anatomical angles (J, 3) in degrees: flex, abd, twist.

    Returns:
        ``Rx(flex) @ Rz(abd) @ Ry(twist)``, (J, 3, 3).
    """
    radians = np.deg2rad(angles * _SIGNS)
    (cx, cz, cy), (sx, sz, sy) = np.cos(radians).T, np.sin(radians).T
    result = np.empty((len(angles), 3, 3))
    result[:, 0] = np.stack([cz * cy, -sz, cz * sy], axis=1)
    result[:, 1] = np.stack([cx * sz * cy + sx * sy, cx * cz, cx * sz * sy - sx * cy], axis=1)
    result[:, 2] = np.stack([sx * sz * cy - cx * sy, sx * cz, sx * sz * sy + cx * cy], axis=1)
    return result


def forward_kinematics(angles: Array, offsets: Array) -> PosedSkeleton:
    """Joint centres and bone frames of a pose, with the pelvis at the origin.

    Args:
        angles: Anatomical angles (J, 3) in degrees.
        offsets: Joint positions in their parents' frames (J, 3) in metres, from :meth:`BodyShape.offsets`.
    """
    local = rotations_from_angles(angles)
    positions, rotations = np.zeros_like(offsets), np.empty_like(local)
    rotations[0] = local[0]
    for joint in range(1, len(PARENTS)):
        parent = PARENTS[joint]
        rotations[joint] = rotations[parent] @ local[joint]
        positions[joint] = positions[parent] + rotations[parent] @ offsets[joint]
    return PosedSkeleton(positions, rotations)


def clip_to_limits(angles: Array) -> Array:
    """The nearest angles (J, 3) in degrees within the joint ranges."""
    return np.clip(angles, LIMITS[..., 0], LIMITS[..., 1])


# Capsules around body parts: joint and offset of both ends, radius; lengths as fractions of the height.
_CAPSULES: dict[str, tuple[str, Vector, str, Vector, float]] = {
    'trunk_left': ('pelvis', (0.036, 0.010, 0.0), 'chest', (0.042, 0.090, 0.0), 0.060),
    'trunk_right': ('pelvis', (-0.036, 0.010, 0.0), 'chest', (-0.042, 0.090, 0.0), 0.060),
    'head': ('head', (0.0, 0.020, 0.010), 'head', (0.0, 0.075, 0.005), 0.050),
}
_PAIRS = [('left_forearm', 'right_forearm'), ('left_shank', 'right_shank')]
for _side, _other in (SIDES, SIDES[::-1]):
    _CAPSULES |= {
        f'{_side}_arm': (f'{_side}_shoulder', (0.0, -0.090, 0.0), f'{_side}_elbow', (0.0, 0.0, 0.0), 0.026),
        f'{_side}_forearm': (f'{_side}_elbow', (0.0, 0.0, 0.0), f'{_side}_wrist', (0.0, -0.085, 0.0), 0.020),
        f'{_side}_thigh': (f'{_side}_hip', (0.0, -0.040, 0.0), f'{_side}_knee', (0.0, 0.0, 0.0), 0.042),
        f'{_side}_shank': (f'{_side}_knee', (0.0, -0.040, 0.0), f'{_side}_ankle', (0.0, 0.0, 0.0), 0.027),
    }
    _PAIRS += [(f'{_side}_forearm', name) for name in ('trunk_left', 'trunk_right', 'head', f'{_other}_arm')]
    _PAIRS += [(f'{_side}_forearm', f'{side}_{part}') for side in SIDES for part in ('thigh', 'shank')]
    _PAIRS += [(f'{_side}_arm', f'trunk_{_side}'), (f'{_side}_thigh', f'trunk_{_other}')]
    _PAIRS += [(f'{_side}_shank', f'{_other}_thigh')]
_ONE, _TWO = np.array([[list(_CAPSULES).index(name) for name in pair] for pair in _PAIRS]).T
_RADII = np.array([row[4] for row in _CAPSULES.values()])


def deepest_collision(skeleton: PosedSkeleton, height: float) -> float:
    """Overlap of the worst pair of body parts as a share of their added radii; 0 or less: all are apart."""
    rows = _CAPSULES.values()
    starts = np.array([skeleton.points(row[0], height * np.array(row[1])) for row in rows])[:, None]
    ends = np.array([skeleton.points(row[2], height * np.array(row[3])) for row in rows])[:, None]
    samples = starts + np.linspace(0.0, 1.0, 9)[:, None] * (ends - starts)
    distances = np.linalg.norm(samples[_ONE, :, None] - samples[_TWO, None], axis=-1).min(axis=(1, 2))
    return float(np.max(1.0 - distances / (height * (_RADII[_ONE] + _RADII[_TWO]))))
