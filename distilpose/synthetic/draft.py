"""A pose that is being made up: what the families of poses and the gestures of the arms write into."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .skeleton import INDEX, JOINTS, Array, BodyShape

SIDES = ('left', 'right')


@dataclass
class Draft:
    """A pose that is being made up.

    Attributes:
        rng: Source of chance.
        shape: The body that takes the pose.
        angles: Anatomical angles (J, 3) in degrees.
        planted: Sides whose sole lies flat on the ground.
        lift: Height of the lowest point above the ground in metres.
        has_seat: Whether the person sits on something.
    """

    rng: np.random.Generator
    shape: BodyShape
    angles: Array = field(default_factory=lambda: np.zeros((len(JOINTS), 3)))
    planted: tuple[str, ...] = SIDES
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
