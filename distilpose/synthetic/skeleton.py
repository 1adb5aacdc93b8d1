"""A jointed human skeleton: bones, their lengths, the range of every joint, and where the joints end up.

Axes of a person, in metres: x to the person's own left, y up, z forward (right-handed). At rest the
person stands upright with the arms hanging and the palms facing the thighs.

Every joint has three angles in degrees, named for what a physiotherapist measures:

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

# name, parent, range of flex, of abd, of twist (degrees). Ranges: rounded active ranges of motion of healthy
# adults (American Academy of Orthopaedic Surgeons); the trunk's is shared between its joints.
_TRUNK: tuple[tuple[str, str, tuple[int, int], tuple[int, int], tuple[int, int]], ...] = (
    ('pelvis', '', (-180, 180), (-180, 180), (-180, 180)),
    ('spine', 'pelvis', (-20, 40), (-20, 20), (-25, 25)),
    ('chest', 'spine', (-12, 25), (-12, 12), (-20, 20)),
    ('neck', 'chest', (-30, 30), (-25, 25), (-40, 40)),
    ('head', 'neck', (-20, 25), (-12, 12), (-30, 30)),
)
_SIDE: tuple[tuple[str, str, tuple[int, int], tuple[int, int], tuple[int, int]], ...] = (
    ('clavicle', 'chest', (0, 0), (-8, 30), (-15, 15)),
    ('shoulder', 'clavicle', (-50, 175), (-15, 170), (-80, 90)),
    ('elbow', 'shoulder', (0, 145), (0, 0), (-80, 80)),
    ('wrist', 'elbow', (-25, 20), (-55, 60), (0, 0)),
    ('hip', 'pelvis', (-25, 120), (-20, 50), (-35, 45)),
    ('knee', 'hip', (0, 145), (0, 0), (0, 0)),
    ('ankle', 'knee', (-30, 48), (-25, 20), (-15, 20)),
)
_TABLE = _TRUNK + tuple(
    (f'{side}_{name}', parent if parent in ('chest', 'pelvis') else f'{side}_{parent}', flex, abd, twist)
    for side in ('left', 'right')
    for name, parent, flex, abd, twist in _SIDE
)

JOINTS: tuple[str, ...] = tuple(row[0] for row in _TABLE)
INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINTS)}
PARENTS: tuple[int, ...] = tuple(INDEX.get(row[1], -1) for row in _TABLE)
LIMITS: Array = np.array([row[2:] for row in _TABLE], dtype=np.float64)  # (J, 3, 2): flex, abd, twist; low, high

_BACKWARD_FLEX = ('shoulder', 'elbow', 'wrist', 'hip')


def _axis_signs() -> Array:
    """Signs (J, 3) that turn anatomical angles into right-handed rotations about x (flex), z (abd) and y (twist)."""
    signs = np.ones((len(JOINTS), 3))
    for name, index in INDEX.items():
        side, _, part = name.partition('_')
        if part in _BACKWARD_FLEX:
            signs[index, 0] = -1.0
        if part in ('wrist', 'ankle'):
            signs[index, 1] = -1.0
        if side == 'right':
            signs[index, 1:] *= -1.0
    return signs


_SIGNS = _axis_signs()


@dataclass(frozen=True)
class BodyShape:
    """What makes one body differ from another.

    Attributes:
        height: Standing height in metres.
        legs: Leg length relative to the average of this height.
        arms: Arm length, likewise.
        shoulders: Shoulder width, likewise.
        hips: Hip width, likewise.
        girth: Thickness of trunk and limbs, likewise.
        belly: Thickness of the waist on top of ``girth``.
        head: Head size, likewise.
        is_female: Whether the silhouette has a bust.
    """

    height: float = 1.72
    legs: float = 1.0
    arms: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    girth: float = 1.0
    belly: float = 1.0
    head: float = 1.0
    is_female: bool = False

    def offsets(self) -> Array:
        """Position of every joint in its parent's frame, (J, 3) in metres.

        The fractions of the standing height are those of Drillis and Contini (1966), rounded.
        """
        side = {
            'clavicle': (0.012, 0.128, 0.010),
            'shoulder': (0.096 * self.shoulders, -0.004, -0.012),
            'elbow': (0.0, -0.178 * self.arms, 0.0),
            'wrist': (0.0, -0.150 * self.arms, 0.0),
            'hip': (0.050 * self.hips, -0.012, 0.0),
            'knee': (0.0, -0.240 * self.legs, 0.0),
            'ankle': (0.0, -0.238 * self.legs, 0.0),
        }
        rows = {
            'spine': (0.0, 0.060, -0.004),
            'chest': (0.0, 0.092, 0.0),
            'neck': (0.0, 0.148, -0.006),
            'head': (0.0, 0.050, 0.008),
        }
        rows |= {f'left_{name}': (x, y, z) for name, (x, y, z) in side.items()}
        rows |= {f'right_{name}': (-x, y, z) for name, (x, y, z) in side.items()}
        return self.height * np.array([rows.get(name, (0.0, 0.0, 0.0)) for name in JOINTS], dtype=np.float64)

    def sole(self) -> Array:
        """Heel, ball of the big toe and tip of the toes under the sole, (3, 3) in metres in the ankle's frame."""
        return self.height * np.array([[0.0, -0.040, -0.036], [0.0, -0.040, 0.070], [0.0, -0.040, 0.108]])

    def leg_lengths(self) -> tuple[float, float]:
        """Lengths of thigh and shank in metres."""
        return 0.240 * self.legs * self.height, 0.238 * self.legs * self.height


@dataclass(frozen=True)
class PosedSkeleton:
    """Where the joints of one person are.

    Attributes:
        positions: Joint centres, (J, 3) in metres.
        rotations: Frames of the bones, (J, 3, 3): columns are the person's axes carried along by the joint.
    """

    positions: Array
    rotations: Array

    def moved(self, rotation: Array, translation: Array) -> PosedSkeleton:
        """The same pose after a rotation (3, 3) about the origin and a translation (3,) in metres."""
        return PosedSkeleton(self.positions @ rotation.T + translation, rotation @ self.rotations)

    def points(self, joints: NDArray[np.intp], offsets: Array) -> Array:
        """Points fixed to bones: ``offsets`` (N, 3) in the frames of ``joints`` (N,), as (N, 3) in metres."""
        return self.positions[joints] + np.einsum('nij,nj->ni', self.rotations[joints], offsets)


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


def angles_from_rotation(rotation: Array, joint: int) -> Array:
    """Anatomical angles (3,) in degrees of one joint's rotation (3, 3); its ``abd`` must be below 90 degrees."""
    flex = np.arctan2(rotation[2, 1], rotation[1, 1])
    abd = np.arcsin(np.clip(-rotation[0, 1], -1.0, 1.0))
    twist = np.arctan2(rotation[0, 2], rotation[0, 0])
    return np.rad2deg(np.array([flex, abd, twist])) * _SIGNS[joint]


def forward_kinematics(angles: Array, offsets: Array) -> PosedSkeleton:
    """Joint centres and bone frames of a pose, with the pelvis at the origin.

    Args:
        angles: Anatomical angles (J, 3) in degrees.
        offsets: Joint positions in their parents' frames (J, 3) in metres, from :meth:`BodyShape.offsets`.

    Returns:
        The posed skeleton in the person's axes.
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
    """The nearest angles (J, 3) in degrees that a healthy adult can reach."""
    return np.clip(angles, LIMITS[..., 0], LIMITS[..., 1])
