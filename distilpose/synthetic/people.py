"""Random people: proportions, skin, hair, clothes, pose and place of each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .body import Look, build_body
from .landmarks import Landmarks, find_landmarks
from .poses import draw_pose
from .rasteriser import RoundCone, turn
from .skeleton import Array, BodyShape, PosedSkeleton

_COUNTS = (0.58, 0.30, 0.12)
"""Shares of scenes with one, two and three people."""
_SKIN_TONES = np.array([[0.98, 0.84, 0.74], [0.89, 0.71, 0.57], [0.68, 0.49, 0.36], [0.42, 0.28, 0.20]])
_HAIR_COLOURS = np.array([[0.10, 0.08, 0.07], [0.33, 0.21, 0.13], [0.80, 0.66, 0.40], [0.62, 0.61, 0.60]])
_HAIR_STYLES = dict(short=0.5, long=0.3, bald=0.08, cap=0.12)


@dataclass(frozen=True)
class Person:
    """One person in world axes.

    Attributes:
        shape: The body.
        has_seat: Whether the person sits on something.
        skeleton: The posed skeleton.
        marks: The keypoints.
        cones: The body as round cones.
    """

    shape: BodyShape
    has_seat: bool
    skeleton: PosedSkeleton
    marks: Landmarks
    cones: list[RoundCone]


def draw_shape(rng: np.random.Generator) -> BodyShape:
    """Draw a body: an adult, or now and then a child with a larger head."""
    is_child = rng.random() < 0.12
    limbs, shoulders, hips, girth, head = 1.0 + np.array([0.03, 0.08, 0.08, 0.1, 0.03]) * np.clip(
        rng.standard_normal(5), -2.0, 2.0
    )
    return BodyShape(
        height=float(np.clip(rng.uniform(1.10, 1.45) if is_child else rng.normal(1.70, 0.09), 1.05, 2.0)),
        limbs=float(limbs),
        shoulders=float(shoulders),
        hips=float(hips),
        girth=float(girth),
        head=float(head + 0.18 * is_child),
    )


def draw_colour(rng: np.random.Generator) -> Array:
    """A colour of cloth, RGB (3,) in [0, 1]: greys are common, bright ones less so."""
    if rng.random() < 0.3:
        return np.asarray(np.clip(rng.uniform(0.1, 0.95) + rng.normal(0, 0.02, 3), 0.05, 0.97))
    hue, saturation, value = rng.uniform(0, 180), rng.uniform(60, 215), rng.uniform(60, 240)
    return cv2.cvtColor(np.array([[[hue, saturation, value]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0] / 255.0


def draw_look(rng: np.random.Generator) -> Look:
    """Draw a person's skin, hair and clothes."""
    tone = rng.uniform(0, len(_SKIN_TONES) - 1)
    skin = [np.interp(tone, np.arange(len(_SKIN_TONES)), channel) for channel in _SKIN_TONES.T]
    hair = _HAIR_COLOURS[rng.integers(2 if tone > 1.7 else len(_HAIR_COLOURS))] + rng.normal(0, 0.03, 3)
    return Look(
        skin=np.array(skin),
        hair=np.clip(hair, 0.03, 1.0),
        style=str(rng.choice(list(_HAIR_STYLES), p=list(_HAIR_STYLES.values()))),
        cap=draw_colour(rng),
        top=draw_colour(rng),
        stripes=draw_colour(rng) if rng.random() < 0.3 else None,
        sleeves=float(rng.choice([0.0, rng.uniform(0.4, 0.8), 1.0], p=[0.14, 0.44, 0.42])),
        trousers=draw_colour(rng),
        legs=float(rng.choice([rng.uniform(0.4, 0.9), 1.0], p=[0.4, 0.6])),
        shoes=draw_colour(rng) * rng.uniform(0.3, 1.0),
        looseness=float(rng.uniform(0.0, 1.0)),
    )


def draw_people(rng: np.random.Generator, towards: Array) -> list[Person]:
    """Draw one to three people side by side.

    Args:
        rng: Random number generator.
        towards: Horizontal direction from them to the camera, (3,).
    """
    count = 1 + int(rng.choice(len(_COUNTS), p=_COUNTS))
    aside = np.array([towards[2], 0.0, -towards[0]])
    places = np.cumsum(rng.uniform(0.55, 1.05, count))
    facing = float(np.arctan2(towards[0], towards[2]))
    return [
        _draw_person(rng, owner, aside * place + towards * rng.uniform(-0.45, 0.45), facing)
        for owner, place in enumerate(places - places.mean())
    ]


def _draw_person(rng: np.random.Generator, owner: int, place: Array, facing: float) -> Person:
    shape, look = draw_shape(rng), draw_look(rng)
    pose = draw_pose(rng, shape)
    heading = facing + (rng.uniform(-np.pi, np.pi) if rng.random() < 0.22 else rng.normal(0.0, 0.6))
    skeleton = pose.skeleton.moved(turn(heading), place)
    left, right = (rng.uniform(0.0, 0.5) if rng.random() < 0.85 else rng.uniform(0.8, 1.0) for _ in range(2))
    marks = find_landmarks(skeleton, shape, curls=(left, right))
    cones = build_body(shape, skeleton, look, marks, owner=owner)
    return Person(shape, pose.has_seat, skeleton, marks, cones)
