"""Random poses: standing, walking, running, sitting, squatting, jumping and leaning people.

A family draws anatomical angles around its idea. Then every angle is clipped to its range, the lowest sole is put
on the ground, and a pose whose limbs intersect is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from .skeleton import (
    INDEX,
    JOINTS,
    SIDES,
    Array,
    BodyShape,
    PosedSkeleton,
    clip_to_limits,
    deepest_collision,
    forward_kinematics,
)

Interval = tuple[float, float]
_MOST_TRIES = 24
_TOLERATED_DEPTH = 0.12  # cloth and flesh give way a little

# Mean and deviation in degrees of the shoulder's flex, abd, twist and the elbow's flex, twist (turn of the palm).
GESTURES: dict[str, tuple[tuple[float, float], ...]] = {
    'hang': ((2, 8), (9, 4), (0, 12), (14, 8), (-20, 20)),
    'akimbo': ((-22, 6), (42, 6), (-58, 8), (98, 8), (-10, 10)),
    'clasp': ((24, 7), (9, 4), (-36, 6), (78, 10), (-20, 15)),
    'forwards': ((78, 14), (8, 8), (0, 15), (16, 12), (-20, 30)),
    'sideways': ((8, 12), (84, 14), (10, 20), (18, 14), (-20, 30)),
    'up': ((155, 14), (14, 8), (0, 15), (24, 18), (0, 30)),
    'wave': ((8, 10), (84, 14), (76, 9), (70, 24), (-30, 30)),
    'phone': ((42, 8), (22, 8), (-14, 10), (130, 8), (20, 20)),
    'carry': ((12, 8), (12, 4), (2, 10), (84, 10), (30, 25)),
    'lap': ((30, 8), (9, 5), (-8, 8), (54, 9), (-55, 15)),
    'down': ((62, 14), (8, 5), (0, 10), (14, 10), (-20, 20)),
}
_USUAL = dict(hang=0.3, akimbo=0.1, clasp=0.1, forwards=0.1, sideways=0.1, up=0.1, wave=0.1, phone=0.1, carry=0.1)
_LIVELY = dict(up=0.34, sideways=0.28, wave=0.18, forwards=0.10, hang=0.10)
_SEATED = dict(lap=0.5, hang=0.08, forwards=0.10, phone=0.10, wave=0.08, carry=0.14)
_BENT = dict(down=0.7, forwards=0.17, hang=0.13)


@dataclass
class Draft:
    """A pose that is being drawn; families and gestures write into it.

    Attributes:
        rng: Random number generator.
        shape: The body that takes the pose.
        angles: Anatomical angles (J, 3) in degrees.
        lift: Height of the lowest point above the ground in metres.
        has_seat: Whether the person sits on something.
    """

    rng: np.random.Generator
    shape: BodyShape
    angles: Array = field(default_factory=lambda: np.zeros((len(JOINTS), 3)))
    lift: float = 0.0
    has_seat: bool = False

    def set(self, joint: str, *, flex: float = 0.0, abd: float = 0.0, twist: float = 0.0) -> None:
        """Set the three angles of a joint in degrees."""
        self.angles[INDEX[joint]] = flex, abd, twist

    def near(self, mean: float, deviation: float) -> float:
        """A normal draw, cut at two deviations."""
        return float(mean + deviation * np.clip(self.rng.standard_normal(), -2.0, 2.0))

    def between(self, low: float, high: float) -> float:
        """A uniform draw."""
        return float(self.rng.uniform(low, high))

    def choice(self, shares: Mapping[str, float]) -> str:
        """A draw of a name by its share."""
        values = np.array(list(shares.values()))
        return tuple(shares)[int(self.rng.choice(len(values), p=values / values.sum()))]


def _trunk(draft: Draft, *, tilt: float, lean: float = 0.0, side: float = 5.0, twist: float = 10.0) -> None:
    """Tilt the pelvis by ``tilt``, bend the spine by ``lean``, and aside and about by deviations, in degrees."""
    draft.angles[0, 0] = tilt
    bend, turn, gaze = draft.near(0, side), draft.near(0, twist), draft.near(0, 25)
    draft.set('spine', flex=0.5 * lean + draft.near(0, 3), abd=0.5 * bend, twist=0.5 * turn)
    draft.set('chest', flex=0.35 * lean, abd=0.3 * bend, twist=0.5 * turn)
    upright = -0.35 * (lean + tilt)
    draft.set('neck', flex=0.6 * upright + draft.near(4, 6), abd=draft.near(0, 5), twist=0.5 * gaze)
    draft.set('head', flex=0.4 * upright + draft.near(2, 6), abd=draft.near(0, 4), twist=0.5 * gaze)


def _leg(draft: Draft, side: str, *, thigh: float, knee: float, abd: float, twist: float = 6.0) -> None:
    """Set a leg by the angle of its thigh to the vertical (forwards) and of its knee, in degrees; the sole is level."""
    turn, angle = draft.near(twist, 5), np.deg2rad(thigh)
    draft.set(f'{side}_hip', flex=thigh + draft.angles[0, 0], abd=abd, twist=turn)
    draft.set(f'{side}_knee', flex=knee)
    draft.set(f'{side}_ankle', flex=thigh - knee, abd=float(abd * np.cos(angle) - turn * np.sin(angle)))


def _arms(draft: Draft, shares: Mapping[str, float]) -> None:
    """Draw a gesture for each arm, often the same for both."""
    gesture = draft.choice(shares)
    for side in SIDES:
        flex, abd, twist, elbow, palm = (draft.near(mean, deviation) for mean, deviation in GESTURES[gesture])
        draft.set(f'{side}_clavicle', abd=max(0.0, 0.16 * (max(abd, flex) - 40.0)), twist=draft.near(0, 3))
        draft.set(f'{side}_shoulder', flex=flex, abd=abd, twist=twist)
        draft.set(f'{side}_elbow', flex=elbow, twist=palm)
        draft.set(f'{side}_wrist', flex=draft.near(0, 6), abd=draft.near(8, 14))
        if draft.rng.random() < 0.5:
            gesture = draft.choice(shares)


def _standing(draft: Draft) -> None:
    _trunk(draft, tilt=draft.near(0, 2), lean=draft.near(0, 5))
    width, relaxed = abs(draft.near(3, 4)), draft.rng.integers(3)  # left, right or neither leg is relaxed
    step = draft.between(0, 25) if draft.rng.random() < 0.25 else 0.0
    for number, side in enumerate(SIDES):
        knee = draft.between(10, 26) if number == relaxed else abs(draft.near(2, 2))
        ahead = step * (1.0 if number == relaxed else -0.6)
        _leg(draft, side, thigh=0.55 * knee + ahead, knee=knee + max(0.0, ahead), abd=width, twist=9)
    _arms(draft, _USUAL)


def _gait(draft: Draft, *, stride: Interval, lift: Interval, lean: float, bent: float) -> None:
    """Legs and arms in opposite phase.

    Args:
        draft: The pose.
        stride: Range of the thigh's largest angle in degrees.
        lift: Range of the knee's largest angle in degrees.
        lean: Mean tilt of the trunk in degrees.
        bent: Mean angle of the elbows in degrees.
    """
    _trunk(draft, tilt=draft.near(lean, 3), lean=draft.near(lean, 3), side=2, twist=6)
    phase, reach, height = draft.between(0, 2 * np.pi), draft.between(*stride), draft.between(*lift)
    for number, side in enumerate(SIDES):
        swing, forwards = np.sin(phase + np.pi * number), max(0.0, np.cos(phase + np.pi * number))
        knee = 6.0 + lean + height * forwards**1.5
        _leg(draft, side, thigh=lean + reach * swing + 0.15 * knee, knee=knee, abd=draft.near(1, 1.5))
        draft.set(f'{side}_ankle', flex=22.0 * max(0.0, -swing) - 8.0 * max(0.0, swing))
        draft.set(f'{side}_shoulder', flex=-reach * swing, abd=abs(draft.near(9, 3)) + 2, twist=draft.near(-8, 6))
        draft.set(f'{side}_elbow', flex=draft.near(bent, 8) - 10 * swing, twist=draft.near(-10, 12))
        draft.set(f'{side}_wrist', abd=draft.near(6, 8))


def _sitting(draft: Draft) -> None:
    _trunk(draft, tilt=draft.near(-7, 7), lean=draft.near(12, 11))
    spread, bent = draft.between(3, 16), draft.near(86, 9)
    for side in SIDES:
        _leg(draft, side, thigh=draft.near(86, 4), knee=bent + draft.near(0, 6), abd=spread + draft.near(0, 3))
    draft.has_seat = True
    _arms(draft, _SEATED)


def _squatting(draft: Draft) -> None:
    tilt = draft.between(50, 105)  # of the thigh, forwards from hanging
    shin = min(0.42 * tilt, 36.0)
    # The trunk leans so far that the weight is over the feet.
    behind = 0.24 * draft.shape.limbs * (np.sin(np.deg2rad(tilt)) - np.sin(np.deg2rad(shin)))
    lean = float(np.rad2deg(np.arcsin(np.clip((behind + 0.012) / 0.36, 0.0, 0.8))))
    _trunk(draft, tilt=0.6 * lean, lean=0.6 * lean, side=3)
    spread = draft.between(6, 26)
    for side in SIDES:
        _leg(draft, side, thigh=tilt, knee=tilt + shin, abd=spread, twist=spread)
    _arms(draft, _USUAL)


def _jumping(draft: Draft) -> None:
    tuck = draft.between(0, 1) ** 2
    _trunk(draft, tilt=draft.near(5, 6), lean=draft.near(4, 7))
    spread, bias = draft.between(2, 26), draft.near(0, 14)
    for side, sign in zip(SIDES, (-1.0, 1.0), strict=True):
        knee = 8 + 85 * tuck + abs(draft.near(0, 14))
        _leg(draft, side, thigh=6 + 55 * tuck + sign * bias, knee=knee, abd=spread)
        draft.set(f'{side}_ankle', flex=draft.near(22, 10))
    draft.lift = draft.between(0.06, 0.32)
    _arms(draft, _LIVELY)


def _leaning(draft: Draft) -> None:
    """Bending forwards, as over a table or to pick something up."""
    tilt, knee = draft.between(18, 55), draft.between(2, 25)
    _trunk(draft, tilt=0.75 * tilt, lean=0.7 * tilt, side=10, twist=16)
    for side in SIDES:  # the hips move back as the trunk goes forwards
        _leg(draft, side, thigh=0.55 * knee + 0.13 * tilt, knee=0.9 * knee, abd=abs(draft.near(4, 3)))
    _arms(draft, _BENT)


FAMILIES: dict[str, tuple[float, Callable[[Draft], None]]] = {
    'standing': (0.33, _standing),
    'walking': (0.17, partial(_gait, stride=(17, 27), lift=(35, 52), lean=3, bent=22)),
    'running': (0.11, partial(_gait, stride=(32, 46), lift=(65, 95), lean=8, bent=88)),
    'sitting': (0.14, _sitting),
    'squatting': (0.07, _squatting),
    'jumping': (0.09, _jumping),
    'leaning': (0.09, _leaning),
}
"""Name, share of the people, and the function that fills a draft."""


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


def draw_pose(rng: np.random.Generator, shape: BodyShape, *, family: str | None = None) -> Pose:
    """Draw a natural pose: within the joint ranges, feet on the ground, no limb through the body.

    Args:
        rng: Random number generator.
        shape: The body that takes the pose.
        family: One of :data:`FAMILIES`; drawn by their shares when absent.
    """
    family = family or Draft(rng, shape).choice({name: share for name, (share, _) in FAMILIES.items()})
    offsets = shape.offsets()
    tries: list[tuple[float, Pose]] = []
    while not tries or (tries[-1][0] > _TOLERATED_DEPTH and len(tries) < _MOST_TRIES):
        draft = Draft(rng, shape)
        FAMILIES[family][1](draft)
        angles = clip_to_limits(draft.angles)
        skeleton = forward_kinematics(angles, offsets)
        lowest = min(float(skeleton.points(f'{side}_ankle', shape.sole())[:, 1].min()) for side in SIDES)
        grounded = skeleton.moved(np.eye(3), np.array([0.0, draft.lift - lowest, 0.0]))
        tries.append((deepest_collision(skeleton, shape.height), Pose(family, angles, grounded, draft.has_seat)))
    return min(tries, key=lambda attempt: attempt[0])[1]
