"""Who is in a scene and how they stand: body, clothes, pose and place of every person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .appearance import Appearance
from .body import build_body
from .camera import turn
from .hands import HandShape
from .landmarks import Landmarks, find_landmarks
from .poses import draw_pose
from .skeleton import Array, BodyShape, PosedSkeleton
from .solids import RoundCones

_COUNTS = (0.58, 0.30, 0.12)
"""Shares of scenes with one, two and three people."""


@dataclass(frozen=True)
class Person:
    """One person in world axes.

    Attributes:
        shape: The body.
        look: Clothes and colours.
        family: Family of the pose.
        has_seat: Whether the person sits on something.
        heading: Where the person faces, in radians about the vertical.
        skeleton: The posed skeleton.
        marks: The keypoints.
        cones: The body as round cones.
    """

    shape: BodyShape
    look: Appearance
    family: str
    has_seat: bool
    heading: float
    skeleton: PosedSkeleton
    marks: Landmarks
    cones: RoundCones


def draw_shape(rng: np.random.Generator) -> BodyShape:
    """Draw a body: an adult, or now and then a child with a larger head."""
    is_female = bool(rng.random() < 0.5)
    is_child = bool(rng.random() < 0.12)
    height = rng.uniform(1.10, 1.45) if is_child else rng.normal(1.64 if is_female else 1.77, 0.07)

    def near(mean: float, deviation: float) -> float:
        return float(mean + deviation * np.clip(rng.standard_normal(), -2.0, 2.0))

    return BodyShape(
        height=float(np.clip(height, 1.05, 2.0)),
        legs=near(1.0, 0.025),
        arms=near(1.0, 0.03),
        shoulders=near(0.92 if is_female else 1.03, 0.04),
        hips=near(1.06 if is_female else 0.98, 0.05),
        girth=near(0.95 if is_female else 1.03, 0.08),
        belly=near(1.0, 0.08),
        head=near(1.18 if is_child else 1.0, 0.03),
        is_female=is_female and not is_child,
    )


def draw_people(rng: np.random.Generator, towards: Array) -> list[Person]:
    """Draw one to three people side by side.

    Args:
        rng: Source of chance.
        towards: Horizontal direction from them to the camera, (3,).
    """
    count = 1 + int(rng.choice(len(_COUNTS), p=_COUNTS))
    aside = np.array([towards[2], 0.0, -towards[0]])
    places = np.cumsum(rng.uniform(0.55, 1.05, count))
    places -= places.mean()
    facing = float(np.arctan2(towards[0], towards[2]))
    return [
        _draw_person(rng, owner, place=aside * places[owner] + towards * rng.uniform(-0.45, 0.45), facing=facing)
        for owner in range(count)
    ]


def _draw_person(rng: np.random.Generator, owner: int, *, place: Array, facing: float) -> Person:
    shape = draw_shape(rng)
    look = Appearance.draw(rng, is_female=shape.is_female)
    pose = draw_pose(rng, shape)
    is_turned = rng.random() < 0.22
    heading = facing + (rng.uniform(-np.pi, np.pi) if is_turned else rng.normal(0.0, 0.6))
    left, right = HandShape.draw(rng), HandShape.draw(rng)
    skeleton = pose.skeleton.moved(turn(heading), place)
    marks = find_landmarks(skeleton, shape, left_hand=left, right_hand=right)
    cones = build_body(shape, skeleton, look, marks, owner=owner)
    return Person(shape, look, pose.family, pose.has_seat, float(heading), skeleton, marks, cones)
