"""Things in the scene: seats under people who sit, furniture or trees behind them, obstacles in front of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .appearance import Material
from .camera import turn
from .skeleton import INDEX, Array, BodyShape, PosedSkeleton
from .solids import NOBODY, Box, RoundCones

_WOOD = np.array([[0.55, 0.38, 0.22], [0.36, 0.24, 0.15], [0.70, 0.56, 0.38], [0.80, 0.78, 0.74], [0.25, 0.26, 0.30]])


@dataclass
class Props:
    """Boxes and round cones that belong to nobody.

    Attributes:
        boxes: The boxes.
        materials: Materials of the round cones.
    """

    boxes: list[Box] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    _starts: list[Array] = field(default_factory=list)
    _ends: list[Array] = field(default_factory=list)
    _radii: list[tuple[float, float]] = field(default_factory=list)

    def add_box(self, place: Array, size: Array, *, yaw: float, colour: Array) -> None:
        """Put a box of ``size`` (3,) metres with the middle of its bottom at ``place`` (3,)."""
        self.boxes.append(Box(place + np.array([0.0, 0.5 * size[1], 0.0]), 0.5 * size, turn(yaw), colour))

    def add_cone(self, start: Array, end: Array, radii: tuple[float, float], colour: Array) -> None:
        """Add a round cone between two points (3,) in metres."""
        self._starts.append(start)
        self._ends.append(end)
        self._radii.append(radii)
        self.materials.append(Material(colour, colour))

    def cones(self, first_material: int) -> RoundCones:
        """All round cones; their materials start at row ``first_material`` of the scene's table."""
        count = len(self._starts)
        starts, ends = (np.array(points, dtype=np.float64).reshape(count, 3) for points in (self._starts, self._ends))
        return RoundCones(
            starts=starts,
            ends=ends,
            radii=np.array(self._radii, dtype=np.float64).reshape(count, 2),
            frames=np.broadcast_to(np.eye(3), (count, 3, 3)),
            scales=np.ones((count, 3)),
            anchors=np.zeros((count, 3)),
            materials=np.arange(first_material, first_material + count),
            owners=np.full(count, NOBODY),
            capped=np.ones(count, bool),
        )


def _colour(rng: np.random.Generator) -> Array:
    if rng.random() < 0.55:
        return np.clip(_WOOD[rng.integers(len(_WOOD))] + rng.normal(0, 0.04, 3), 0.05, 1.0)
    return rng.uniform(0.15, 0.85, 3)


def add_seat(props: Props, rng: np.random.Generator, shape: BodyShape, skeleton: PosedSkeleton, heading: float) -> None:
    """Put something to sit on under a seated person who faces ``heading`` radians."""
    hips = skeleton.positions[[INDEX['left_hip'], INDEX['right_hip']]]
    top = float(hips[:, 1].min()) - 0.054 * shape.height
    ahead = turn(heading)[:, 2]
    place = hips.mean(axis=0) + 0.015 * shape.height * ahead
    place[1] = 0.0
    colour, width = _colour(rng), float(rng.uniform(0.42, 0.60) if rng.random() < 0.6 else rng.uniform(0.8, 1.7))
    props.add_box(place, np.array([width, top, 0.27 * shape.height]), yaw=heading, colour=colour)
    if rng.random() < 0.4:
        back = place - 0.24 * shape.height * ahead
        props.add_box(back, np.array([width, top + rng.uniform(0.3, 0.5), 0.06]), yaw=heading, colour=colour)


def add_obstacle(props: Props, rng: np.random.Generator, camera_place: Array, target: Array, height: float) -> None:
    """Put a box or a pole between the camera and a person, hiding a part of the person.

    Args:
        props: Where it is added.
        rng: Source of chance.
        camera_place: Where the camera stands (3,).
        target: Where the person stands (3,).
        height: Height of the posed person in metres.
    """
    way = (camera_place - target) * np.array([1.0, 0.0, 1.0])
    distance = float(np.linalg.norm(way))
    way /= distance
    aside = np.array([way[2], 0.0, -way[0]])
    near = rng.uniform(0.75, min(1.3, 0.4 * distance))
    kind = rng.random()
    if kind < 0.35:
        place = target + way * near + aside * rng.uniform(-0.35, 0.35)
        radius = rng.uniform(0.025, 0.06)
        props.add_cone(place * [1, 0, 1], place * [1, 0, 1] + [0, 4.5, 0], (radius, radius), _colour(rng))
        return
    # A low thing in front, or a high one that hides a side.
    is_low = kind < 0.8
    tall = height * (rng.uniform(0.18, 0.42) if is_low else rng.uniform(0.5, 1.2))
    wide = rng.uniform(0.5, 1.6) if is_low else rng.uniform(0.3, 0.6)
    shift = rng.uniform(-0.4, 0.4) if is_low else rng.choice([-1.0, 1.0]) * (0.5 * wide + rng.uniform(0.0, 0.18))
    yaw = float(np.arctan2(way[0], way[2]) + rng.normal(0, 0.3))
    place = (target + way * (near + 0.15) + aside * shift) * np.array([1.0, 0.0, 1.0])
    props.add_box(place, np.array([wide, tall, rng.uniform(0.15, 0.4)]), yaw=yaw, colour=_colour(rng))


def add_room(props: Props, rng: np.random.Generator, wall_normal: Array, wall_offset: float) -> None:
    """Hang pictures, windows or doors on a wall and put furniture along it."""
    side = np.array([wall_normal[2], 0.0, -wall_normal[0]])
    yaw = float(np.arctan2(wall_normal[0], wall_normal[2]))
    for _ in range(int(rng.integers(0, 4))):
        place = wall_normal * (wall_offset + 0.02) + side * rng.uniform(-2.6, 2.6)
        if rng.random() < 0.3:
            props.add_box(place, np.array([0.9, 2.05, 0.06]), yaw=yaw, colour=_colour(rng))
            continue
        size = np.array([rng.uniform(0.4, 1.3), rng.uniform(0.4, 1.1), 0.05])
        place[1] = rng.uniform(1.1, 1.6)
        frame = _colour(rng)
        props.add_box(place, size, yaw=yaw, colour=frame)
        inner = place + wall_normal * 0.02 + np.array([0.0, 0.05, 0.0])
        props.add_box(inner, size - [0.1, 0.1, 0.0], yaw=yaw, colour=rng.uniform(0.4, 0.98, 3))
    for _ in range(int(rng.integers(0, 3))):
        size = np.array([rng.uniform(0.4, 1.6), rng.uniform(0.35, 1.5), rng.uniform(0.3, 0.6)])
        place = wall_normal * (wall_offset + 0.5 * size[2] + 0.02) + side * rng.uniform(-2.6, 2.6)
        props.add_box(place, size, yaw=yaw, colour=_colour(rng))
        if rng.random() < 0.4:
            top = place + np.array([0.0, size[1], 0.0])
            props.add_cone(top, top + [0.0, 0.25, 0.0], (0.10, 0.03), rng.uniform(0.2, 0.9, 3))


def add_country(props: Props, rng: np.random.Generator, towards: Array) -> None:
    """Put trees, posts and buildings behind the people; ``towards`` (3,) points from them to the camera."""
    aside = np.array([towards[2], 0.0, -towards[0]])
    for _ in range(int(rng.integers(0, 4))):
        place = -towards * rng.uniform(4, 14) + aside * rng.uniform(-7, 7)
        leaf = np.array([0.20, 0.38, 0.15]) * rng.uniform(0.7, 1.5) + rng.normal(0, 0.03, 3)
        tall = rng.uniform(1.4, 2.6)
        props.add_cone(place, place + [0, tall, 0], (0.16, 0.10), np.array([0.33, 0.24, 0.17]))
        for _ in range(3):
            middle = place + np.array([rng.normal(0, 0.45), tall + rng.uniform(0.0, 1.1), rng.normal(0, 0.45)])
            radius = float(rng.uniform(0.6, 1.0))
            props.add_cone(middle, middle, (radius, radius), np.clip(leaf * rng.uniform(0.85, 1.15), 0.03, 1))
    for _ in range(int(rng.integers(0, 4))):
        size = np.array([rng.uniform(4, 12), rng.uniform(3, 12), 6.0])
        place = -towards * rng.uniform(18, 40) + aside * rng.uniform(-22, 22)
        yaw = float(np.arctan2(towards[0], towards[2]) + rng.normal(0, 0.4))
        props.add_box(place, size, yaw=yaw, colour=np.clip(rng.uniform(0.4, 0.85) + rng.normal(0, 0.06, 3), 0, 1))
    if rng.random() < 0.35:
        yaw = float(np.arctan2(towards[0], towards[2]))
        place = -towards * rng.uniform(2.0, 4.0) + aside * rng.uniform(-2, 2)
        props.add_box(
            place, np.array([rng.uniform(1.0, 3.0), rng.uniform(0.4, 1.0), 0.4]), yaw=yaw, colour=_colour(rng)
        )
