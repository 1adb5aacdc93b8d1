"""Hands: 21 landmarks of each, for any curl of the fingers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .skeleton import Array

# Fractions of the standing height in the wrist's frame of the left hand: fingers point down, the thumb forwards,
# the palm to the person's right. Rows: index, middle, ring, little finger.
_KNUCKLES = np.array([[0.0, -0.053, 0.0150], [0.0, -0.055, 0.0050], [0.0, -0.053, -0.0050], [0.0, -0.049, -0.0140]])
_PHALANGES = np.array([[0.024, 0.015, 0.012], [0.026, 0.017, 0.013], [0.024, 0.016, 0.012], [0.019, 0.012, 0.011]])
_THUMB = np.array([[-0.004, -0.014, 0.015], [-0.009, -0.032, 0.028], [-0.012, -0.047, 0.035], [-0.014, -0.060, 0.039]])
_FOLDED_THUMB = np.array(
    [[-0.006, -0.014, 0.014], [-0.014, -0.032, 0.020], [-0.019, -0.046, 0.015], [-0.020, -0.056, 0.006]]
)
FINGER_RADIUS = 0.0052
PALM_MIDDLE = np.array([0.0, -0.031, 0.001])


@dataclass(frozen=True)
class HandShape:
    """How a hand is held.

    Attributes:
        curl: Bend of each finger, (4,), 0 stretched to 1 in a fist.
        spread: Fan of the fingers in degrees.
    """

    curl: tuple[float, float, float, float]
    spread: float

    @staticmethod
    def draw(rng: np.random.Generator) -> HandShape:
        """A relaxed, open, closed or pointing hand."""
        kind = rng.random()
        if kind < 0.12:
            return HandShape((0.05, 0.9, 0.95, 0.95), 2.0)
        base, spread = (rng.uniform(0.2, 0.5), 4.0) if kind < 0.6 else (rng.uniform(0, 0.12), rng.uniform(5, 14))
        if kind > 0.9:
            base, spread = rng.uniform(0.8, 1.0), 1.0
        curl = np.clip(base + rng.uniform(-0.06, 0.06, 4) + np.array([-0.04, 0.0, 0.03, 0.06]), 0.0, 1.0)
        return HandShape((float(curl[0]), float(curl[1]), float(curl[2]), float(curl[3])), float(spread))

    def landmarks(self, side: str) -> Array:
        """The 21 points: wrist, then four of thumb, index, middle, ring and little finger from the root to the tip.

        Args:
            side: ``'left'`` or ``'right'``.

        Returns:
            (21, 3), as fractions of the standing height in the wrist's frame.
        """
        curl = np.asarray(self.curl)
        bends = np.cumsum(curl[:, None] * np.array([62.0, 82.0, 55.0]), axis=1)
        fan = np.deg2rad(self.spread * np.array([1.0, 0.2, -0.6, -1.4]) * (1.0 - curl))[:, None]
        bends = np.deg2rad(bends)
        steps = np.stack([-np.sin(bends), -np.cos(bends) * np.cos(fan), np.cos(bends) * np.sin(fan)], axis=2)
        joints = _KNUCKLES[:, None] + np.cumsum(steps * _PHALANGES[:, :, None], axis=1)
        fingers = np.concatenate([_KNUCKLES[:, None], joints], axis=1).reshape(16, 3)
        closed = float(np.mean(curl))
        thumb = (1.0 - closed) * _THUMB + closed * _FOLDED_THUMB
        points = np.concatenate([np.zeros((1, 3)), thumb, fingers])
        return points * np.array([1.0 if side == 'left' else -1.0, 1.0, 1.0])
