"""Families of poses: what standing, walking, running, sitting, reaching, squatting, jumping and leaning look like.

A family draws anatomical angles around its idea; afterwards the soles of planted feet are laid flat, every
angle is clipped to its range, and poses whose limbs pass through the body are drawn again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arms import add_arms, swing_arms
from .collisions import deepest_collision
from .draft import SIDES, Draft
from .skeleton import (
    INDEX,
    Array,
    BodyShape,
    PosedSkeleton,
    angles_from_rotation,
    clip_to_limits,
    forward_kinematics,
)

_MOST_TRIES = 24
_TOLERATED_DEPTH = 0.12  # cloth and flesh give way a little


@dataclass(frozen=True)
class Pose:
    """A finished pose, standing on the ground y = 0 with the pelvis over the origin.

    Attributes:
        family: Name of its family.
        angles: Anatomical angles (J, 3) in degrees; the pelvis' are its tilt.
        skeleton: The posed skeleton in the person's axes, in metres.
        has_seat: Whether the person sits on something.
    """

    family: str
    angles: Array
    skeleton: PosedSkeleton
    has_seat: bool


def _trunk(draft: Draft, *, lean: float = 0.0, side: float = 0.0, twist: float = 0.0, gaze: float = 30.0) -> None:
    """Spread leaning, bending to the right and turning (degrees) over the spine; the head looks about."""
    draft.set('spine', flex=0.5 * lean + draft.near(0, 3), abd=0.5 * side, twist=0.5 * twist)
    draft.set('chest', flex=0.35 * lean + draft.near(0, 2), abd=0.3 * side, twist=0.5 * twist)
    upright = -0.35 * (lean + draft.angles[0, 0])
    turn = draft.near(0, gaze)
    draft.set('neck', flex=0.6 * upright + draft.near(4, 6), abd=draft.near(-0.1 * side, 5), twist=0.5 * turn)
    draft.set('head', flex=0.4 * upright + draft.near(2, 6), abd=draft.near(0, 4), twist=0.5 * turn)


def _leg(draft: Draft, side: str, *, thigh: float, knee: float, abd: float, twist: float = 6.0) -> None:
    """Set a leg by the angle of its thigh to the vertical (forwards) and of its knee, in degrees."""
    draft.set(f'{side}_hip', flex=thigh + draft.angles[0, 0], abd=abd, twist=twist)
    draft.set(f'{side}_knee', flex=knee)


def _level_hips(draft: Draft) -> None:
    """Drop the hip of the more bent leg, as standing on one leg does, so that both feet reach the ground."""
    thigh, shank = draft.shape.leg_lengths()
    drops = []
    for side in SIDES:
        flex = np.deg2rad(draft.angles[INDEX[f'{side}_hip'], 0] - draft.angles[0, 0])
        knee = np.deg2rad(draft.angles[INDEX[f'{side}_knee'], 0])
        drops.append(thigh * np.cos(flex) + shank * np.cos(knee - flex))
    width = 0.1 * draft.shape.hips * draft.shape.height
    roll = float(np.rad2deg(np.arcsin(np.clip((drops[0] - drops[1]) / width, -0.13, 0.13))))
    draft.angles[0, 1] += roll
    draft.angles[INDEX['left_hip'], 1] -= roll
    draft.angles[INDEX['right_hip'], 1] += roll
    draft.angles[INDEX['spine'], 1] -= 0.6 * roll
    draft.angles[INDEX['chest'], 1] -= 0.4 * roll


def _standing(draft: Draft) -> None:
    draft.angles[0, 0] = draft.near(0, 2)
    _trunk(draft, lean=draft.near(0, 5), side=draft.near(0, 5), twist=draft.near(0, 10))
    width = abs(draft.near(3, 4))
    resting = draft.rng.integers(3)  # left, right or neither leg is relaxed
    for number, side in enumerate(SIDES):
        knee = draft.between(12, 30) if number == resting else abs(draft.near(2, 2))
        thigh = 0.55 * knee + draft.near(0, 2)
        _leg(draft, side, thigh=thigh, knee=knee, abd=width + abs(draft.near(0, 3)), twist=draft.near(9, 7))
    _level_hips(draft)
    add_arms(draft)


def _gait(draft: Draft, *, stride: float, lift_knee: float, rest_knee: float, bias: float) -> None:
    phase = draft.between(0, 2 * np.pi)
    for number, side in enumerate(SIDES):
        angle = phase + np.pi * number
        swing, forwards = np.sin(angle), max(0.0, np.cos(angle))
        knee = rest_knee + lift_knee * forwards**1.5 + draft.near(0, 3)
        _leg(
            draft,
            side,
            thigh=bias + stride * swing + 0.15 * knee,
            knee=knee,
            abd=draft.near(1, 1.5),
            twist=draft.near(5, 4),
        )
        toes = 22.0 * max(0.0, -swing) - 8.0 * max(0.0, swing)
        draft.set(f'{side}_ankle', flex=toes + draft.near(0, 3))
    draft.planted = ()
    swing_arms(draft, phase, stride)


def _walking(draft: Draft) -> None:
    draft.angles[0, 0] = draft.near(3, 2)
    _trunk(draft, lean=draft.near(2, 3), side=draft.near(0, 2), twist=draft.near(0, 6))
    _gait(draft, stride=draft.between(17, 27), lift_knee=draft.between(35, 52), rest_knee=6.0, bias=4.0)


def _running(draft: Draft) -> None:
    draft.angles[0, 0] = draft.near(9, 4)
    _trunk(draft, lean=draft.near(6, 4), side=draft.near(0, 3), twist=draft.near(0, 9), gaze=12)
    _gait(draft, stride=draft.between(32, 46), lift_knee=draft.between(65, 95), rest_knee=18.0, bias=8.0)
    draft.lift = max(0.0, draft.near(0.03, 0.05))


def _sitting(draft: Draft) -> None:
    draft.angles[0, 0] = draft.near(-7, 7)
    _trunk(draft, lean=draft.near(12, 11), side=draft.near(0, 6), twist=draft.near(0, 8))
    spread, bent = draft.between(3, 16), draft.near(86, 9)
    for side in SIDES:
        _leg(draft, side, thigh=draft.near(86, 4), knee=bent + draft.near(0, 6), abd=spread + draft.near(0, 3))
    draft.has_seat = True
    add_arms(draft, is_seated=True)


def _squatting(draft: Draft) -> None:
    tilt = draft.between(50, 105)  # of the thigh, forwards from hanging
    shin = min(0.42 * tilt, 36.0) + draft.near(0, 2)
    lengths = draft.shape.leg_lengths()
    behind = lengths[0] * np.sin(np.deg2rad(tilt)) - lengths[1] * np.sin(np.deg2rad(shin))
    # The trunk leans so far that the weight is over the feet.
    lean = float(np.rad2deg(np.arcsin(np.clip((behind + 0.02) / (0.36 * draft.shape.height), 0.0, 0.8))))
    draft.angles[0, 0] = 0.6 * lean
    _trunk(draft, lean=0.6 * lean, side=draft.near(0, 3), twist=draft.near(0, 8), gaze=20)
    spread = draft.between(6, 26)
    for side in SIDES:
        _leg(draft, side, thigh=tilt, knee=tilt + shin, abd=spread, twist=spread + draft.near(2, 4))
    add_arms(draft)


def _jumping(draft: Draft) -> None:
    tuck = draft.between(0, 1) ** 2
    draft.angles[0, 0] = draft.near(5, 6)
    _trunk(draft, lean=draft.near(4, 7), side=draft.near(0, 6), twist=draft.near(0, 10), gaze=15)
    spread, bias = draft.between(2, 26), draft.near(0, 14)
    for number, side in enumerate(SIDES):
        knee = 8 + 85 * tuck + abs(draft.near(0, 14))
        thigh = 6 + 55 * tuck + (bias if number else -bias)
        _leg(draft, side, thigh=thigh, knee=knee, abd=spread, twist=draft.near(6, 6))
        draft.set(f'{side}_ankle', flex=draft.near(22, 10))
    draft.planted = ()
    draft.lift = draft.between(0.06, 0.32)
    add_arms(draft, is_lively=True)


def _leaning(draft: Draft) -> None:
    """Bending forwards, as over a table or to pick something up."""
    tilt = draft.between(18, 55)
    draft.angles[0, 0] = 0.75 * tilt
    _trunk(draft, lean=0.7 * tilt, side=draft.near(0, 10), twist=draft.near(0, 16), gaze=20)
    knee = draft.between(2, 25)
    for side in SIDES:
        bent = knee + abs(draft.near(0, 4))
        # The hips move back as the trunk goes forwards.
        _leg(
            draft,
            side,
            thigh=0.55 * bent + 0.13 * tilt,
            knee=bent * 0.9,
            abd=abs(draft.near(4, 3)),
            twist=draft.near(6, 5),
        )
    _level_hips(draft)
    add_arms(draft, is_bent=True)


def _reaching(draft: Draft) -> None:
    """One or both arms stretched towards something, often with a step towards it."""
    step = draft.between(0, 30) if draft.rng.random() < 0.6 else 0.0
    lean = draft.between(0, 22)
    draft.angles[0, 0] = 0.4 * lean
    _trunk(draft, lean=0.7 * lean, side=draft.near(0, 9), twist=draft.near(0, 18))
    front = int(draft.rng.integers(2))
    for number, side in enumerate(SIDES):
        if number == front:
            thigh, knee = step * 1.15 + 2, step * 1.15 + abs(draft.near(2, 2))
        else:
            thigh, knee = -step * 0.62, abs(draft.near(3, 3))
        _leg(draft, side, thigh=thigh, knee=knee, abd=abs(draft.near(3, 3)), twist=draft.near(8, 6))
    if step == 0.0:
        _level_hips(draft)
    add_arms(draft, is_reaching=True)


FAMILIES: dict[str, tuple[float, Callable[[Draft], None]]] = {
    'standing': (0.24, _standing),
    'walking': (0.17, _walking),
    'running': (0.11, _running),
    'sitting': (0.14, _sitting),
    'reaching': (0.11, _reaching),
    'squatting': (0.07, _squatting),
    'jumping': (0.08, _jumping),
    'leaning': (0.08, _leaning),
}
"""Name, share of the people, and the function that fills a draft."""


def _flatten_soles(draft: Draft, offsets: Array) -> None:
    """Turn the ankles of planted feet so that the soles are level and the toes point where the knees do."""
    skeleton = forward_kinematics(draft.angles, offsets)
    for side in draft.planted:
        shank = skeleton.rotations[INDEX[f'{side}_knee']]
        ahead = np.array([shank[0, 2], 0.0, shank[2, 2]])
        if ahead @ ahead < 0.01:  # the shank lies flat, pointing forwards: follow it
            ahead = np.array([-shank[0, 1], 0.0, -shank[2, 1]])
        ahead /= np.linalg.norm(ahead)
        level = np.stack([np.cross([0.0, 1.0, 0.0], ahead), [0.0, 1.0, 0.0], ahead], axis=1)
        ankle = INDEX[f'{side}_ankle']
        draft.angles[ankle] = angles_from_rotation(shank.T @ level, ankle)


def _on_the_ground(skeleton: PosedSkeleton, shape: BodyShape, lift: float) -> PosedSkeleton:
    """Shift the skeleton up or down until its lowest sole point is ``lift`` metres above the ground."""
    soles = [skeleton.points(np.full(3, INDEX[f'{side}_ankle']), shape.sole()) for side in SIDES]
    lowest = min(float(points[:, 1].min()) for points in soles)
    return skeleton.moved(np.eye(3), np.array([0.0, lift - lowest, 0.0]))


def draw_pose(rng: np.random.Generator, shape: BodyShape, *, family: str | None = None) -> Pose:
    """Draw a natural pose: within the joints' ranges, feet on the ground, no limb through the body.

    Args:
        rng: Source of chance.
        shape: The body that takes the pose.
        family: One of :data:`FAMILIES`; drawn by their shares when absent.
    """
    if family is None:
        shares = np.array([share for share, _ in FAMILIES.values()])
        family = tuple(FAMILIES)[int(rng.choice(len(shares), p=shares / shares.sum()))]
    offsets = shape.offsets()
    tries: list[tuple[float, Pose]] = []
    for _ in range(_MOST_TRIES):
        draft = Draft(rng, shape)
        FAMILIES[family][1](draft)
        draft.angles = clip_to_limits(draft.angles)
        _flatten_soles(draft, offsets)
        angles = clip_to_limits(draft.angles)
        skeleton = forward_kinematics(angles, offsets)
        depth = deepest_collision(skeleton, shape.height, shape.girth)
        pose = Pose(family, angles, _on_the_ground(skeleton, shape, draft.lift), draft.has_seat)
        tries.append((depth, pose))
        if depth <= _TOLERATED_DEPTH:
            break
    return min(tries, key=lambda attempt: attempt[0])[1]
