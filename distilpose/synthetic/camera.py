"""The pinhole camera: where a point of the world lands in the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .skeleton import Array


@dataclass(frozen=True)
class Camera:
    """A pinhole camera looking at a square image, x to the right and y down, pixel centres at whole numbers.

    Attributes:
        rotation: World to camera axes (3, 3); camera axes: x right, y down, z forwards.
        position: Where it stands in the world, (3,) in metres.
        focal: Focal length in pixels.
        size: Side of the image in pixels.
    """

    rotation: Array
    position: Array
    focal: float
    size: int

    @property
    def centre(self) -> float:
        """The principal point, the same in x and y, in pixels."""
        return 0.5 * (self.size - 1)

    def to_camera(self, points: Array) -> Array:
        """World points (..., 3) in camera axes, in metres."""
        return np.asarray((points - self.position) @ self.rotation.T)

    def project(self, points: Array) -> tuple[Array, Array]:
        """Where world points are seen.

        Args:
            points: World points (..., 3) in metres.

        Returns:
            Pixels (..., 2) and depths along the viewing axis (...) in metres. Points behind the camera
            get a far-away pixel.
        """
        seen = self.to_camera(points)
        depth = seen[..., 2]
        pixels = self.centre + self.focal * seen[..., :2] / np.maximum(depth, 1e-3)[..., None]
        return np.where(depth[..., None] > 0.05, pixels, -1e6), depth

    def halved(self) -> Camera:
        """The same view on an image with half the pixels a side, which must be an even number."""
        return Camera(self.rotation, self.position, self.focal / 2, self.size // 2)


def look_at(position: Array, target: Array, *, roll: float, focal: float, size: int) -> Camera:
    """A camera at ``position`` (3,) that looks at ``target`` (3,), turned about its axis by ``roll`` radians."""
    ahead = (target - position) / np.linalg.norm(target - position)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    cos, sin = np.cos(roll), np.sin(roll)
    rotation = np.stack([cos * right + sin * down, cos * down - sin * right, ahead])
    return Camera(rotation, position, focal, size)


def turn(angle: float) -> Array:
    """Rotation (3, 3) about the vertical by ``angle`` radians, from forward (z) towards the left (x)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
