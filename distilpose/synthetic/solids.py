"""The two shapes everything is made of: round cones with elliptic cross-sections, and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .skeleton import Array

NOBODY = -1


@dataclass(frozen=True)
class RoundCones:
    """P round cones: the hull of two balls, squeezed along the axes of a frame. Equal ends give an ellipsoid.

    Attributes:
        starts: Centres of the first balls, (P, 3) in metres.
        ends: Centres of the second balls, (P, 3).
        radii: Radii of both balls, (P, 2), before squeezing.
        frames: Axes to squeeze along, (P, 3, 3), as columns.
        scales: Factors along these axes, (P, 3).
        anchors: Where the starts are on the resting body, (P, 3); patterns are drawn in its coordinates.
        materials: Row in the table of materials, (P,).
        owners: Number of the person it belongs to, (P,), or :data:`NOBODY`.
        capped: Whether the balls are part of it, (P,); without them only the cone's side is there (a skirt).
    """

    starts: Array
    ends: Array
    radii: Array
    frames: Array
    scales: Array
    anchors: Array
    materials: NDArray[np.intp]
    owners: NDArray[np.intp]
    capped: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts)

    @staticmethod
    def joined(groups: Sequence[RoundCones]) -> RoundCones:
        """All round cones of several groups, in order."""
        return RoundCones(
            *(np.concatenate([getattr(group, item.name) for group in groups]) for item in fields(RoundCones))
        )

    def seen_by(self, camera: Camera) -> RoundCones:
        """The same in camera axes."""
        return RoundCones(
            camera.to_camera(self.starts),
            camera.to_camera(self.ends),
            self.radii,
            camera.rotation @ self.frames,
            self.scales,
            self.anchors,
            self.materials,
            self.owners,
            self.capped,
        )


@dataclass(frozen=True)
class Box:
    """A box, for furniture and obstacles.

    Attributes:
        centre: Its middle, (3,) in metres.
        half: Half its sizes along its own axes, (3,).
        frame: Its axes as columns, (3, 3).
        colour: RGB in [0, 1], (3,).
    """

    centre: Array
    half: Array
    frame: Array
    colour: Array

    def corners(self) -> Array:
        """The eight corners, (2, 2, 2, 3): first or last along each of its axes."""
        signs = np.stack(np.meshgrid([-1.0, 1.0], [-1.0, 1.0], [-1.0, 1.0], indexing='ij'), axis=-1)
        return np.asarray(self.centre + (signs * self.half) @ self.frame.T)

    def faces(self) -> list[tuple[Array, Array]]:
        """Outward normal (3,) and corners in order around (4, 3) of the six faces."""
        corners = self.corners()
        result = []
        for axis in range(3):
            for last in (0, 1):
                face = np.take(corners, last, axis=axis)
                around = face[[0, 0, 1, 1], [0, 1, 1, 0]]
                result.append(((2 * last - 1) * self.frame[:, axis], around))
        return result
