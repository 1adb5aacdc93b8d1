"""A pinhole camera, and exact ray casting of round cones into a depth buffer.

A ray through a pixel is ``d = (x, y, 1)``; what it hits first is at ``t * d``, so ``t`` is the depth along the
viewing axis. Squeezing a round cone is undone by a linear map of the rays, under which ``t`` does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .skeleton import Array, Vector

FloatImage = NDArray[np.float32]
NO_PERSON = -1
"""Owner of what belongs to no person, and number of what is no round cone."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with a square image, x to the right and y down, pixel centres at whole numbers.

    Attributes:
        rotation: World to camera axes (3, 3); camera axes: x right, y down, z forwards.
        position: Place in the world, (3,) in metres.
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
        """Pixels of world points.

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

    def rays(self) -> Array:
        """Directions (H, W, 3) of all pixels in camera axes, with unit depth."""
        steps = (np.arange(self.size) - self.centre) / self.focal
        x, y = np.meshgrid(steps, steps)
        return np.stack([x, y, np.ones_like(x)], axis=-1)


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


@dataclass(frozen=True)
class RoundCone:
    """The hull of two balls, squeezed along the axes of a frame. Equal ends give an ellipsoid.

    Attributes:
        start: Centre of the first ball, (3,) in metres.
        end: Centre of the second ball, (3,).
        radii: Radii of both balls before squeezing.
        colour: RGB (3,) in [0, 1].
        frame: Axes to squeeze along, (3, 3), as columns; ``None``: those of the world.
        scales: Factors along these axes.
        owner: Number of the person it belongs to, or :data:`NO_PERSON`.
        stripes: Colour of stripes around it, (3,); ``None``: none.
    """

    start: Array
    end: Array
    radii: tuple[float, float]
    colour: Array
    frame: Array | None = None
    scales: Vector = (1.0, 1.0, 1.0)
    owner: int = NO_PERSON
    stripes: Array | None = None


@dataclass(frozen=True)
class ConeArrays:
    """P round cones in camera axes.

    Attributes:
        metrics: Quadratic forms (P, 3, 3) under which the squeezed balls are balls.
        starts: Centres of the first balls, (P, 3).
        axes: Second centre minus first, (P, 3).
        radii: Radii of both balls, (P, 2).
    """

    metrics: Array
    starts: Array
    axes: Array
    radii: Array

    @staticmethod
    def of(cones: Sequence[RoundCone], camera: Camera) -> ConeArrays:
        """The arrays of at least one round cone in world axes."""
        frames = camera.rotation @ np.array([np.eye(3) if cone.frame is None else cone.frame for cone in cones])
        squeezed = frames / np.array([cone.scales for cone in cones])[:, None]
        ends = camera.to_camera(np.array([[cone.start, cone.end] for cone in cones]))
        radii = np.array([cone.radii for cone in cones])
        return ConeArrays(squeezed @ np.swapaxes(squeezed, 1, 2), ends[:, 0], ends[:, 1] - ends[:, 0], radii)


@dataclass(frozen=True)
class Buffers:
    """What the rays hit.

    Attributes:
        depth: Depth along the viewing axis (H, W) in metres; infinite where nothing is hit.
        ids: Number of the round cone (H, W), or :data:`NO_PERSON`.
    """

    depth: Array
    ids: NDArray[np.intp]

    def owners(self, cones: Sequence[RoundCone]) -> NDArray[np.intp]:
        """Number of the person seen at each pixel (H, W), or :data:`NO_PERSON`."""
        return np.array([*(cone.owner for cone in cones), NO_PERSON])[self.ids]


def _rectangles(cones: ConeArrays, camera: Camera) -> NDArray[np.intp]:
    """Pixel rectangles (P, 4: left, top, right, bottom; ends exclusive); empty for what reaches behind the camera."""
    inverse, bounds, nearest = np.linalg.inv(cones.metrics), [], []
    for centres, radii in zip((cones.starts, cones.starts + cones.axes), cones.radii.T, strict=True):
        nearest.append(centres[:, 2] - radii * np.sqrt(inverse[:, 2, 2]))
        dual = radii[:, None, None] ** 2 * inverse - centres[:, :, None] * centres[:, None, :]
        middle, last = dual[:, :2, 2], np.minimum(dual[:, 2:, 2], -1e-9)
        root = np.sqrt(np.maximum(middle**2 - dual[:, [0, 1], [0, 1]] * last, 0.0))
        bounds += [(middle + root) / last, (middle - root) / last]
    low = np.floor(camera.centre + camera.focal * np.min(bounds, axis=0))
    high = np.ceil(camera.centre + camera.focal * np.max(bounds, axis=0)) + 1
    limits = np.clip(np.concatenate([low, high], axis=1), 0, camera.size).astype(np.intp)
    limits[np.min(nearest, axis=0) <= 0.1] = 0
    return limits


def _cone_depth(cones: ConeArrays, number: int, x: Array, y: Array) -> Array:
    """Depth (H, W) of a round cone for rays ``(x, y, 1)`` with x (W,) and y (H,); not-a-number or infinite: missed.

    Dot products are those of the cone's metric. The side is the envelope of the balls between the ends.
    """
    metric, start, axis, (r0, r1) = cones.metrics[number], cones.starts[number], cones.axes[number], cones.radii[number]
    to_start, to_axis, slope = metric @ start, metric @ axis, r0 - r1
    squares = (metric[0, 0] * x + 2.0 * metric[0, 2]) * x + ((metric[1, 1] * y + 2.0 * metric[1, 2]) * y)[:, None]
    squares += metric[2, 2] + (2.0 * metric[0, 1] * y)[:, None] * x
    towards = to_start[0] * x + (to_start[1] * y + to_start[2])[:, None]

    def ball(towards: Array, centre: Array, radius: float) -> Array:
        rest = centre @ metric @ centre - radius * radius
        return rest / (towards + np.sqrt(towards * towards - rest * squares))

    first = ball(towards, start, r0)
    span = axis @ to_axis - slope * slope
    if span <= 1e-9:  # one ball holds the other
        return first
    along, offset = to_axis[0] * x + (to_axis[1] * y + to_axis[2])[:, None], start @ to_axis + r0 * slope
    k1 = span * towards - offset * along
    k0 = span * (start @ to_start - r0 * r0) - offset * offset
    side = k0 / (k1 + np.sqrt(k1 * k1 - (span * squares - along * along) * k0))
    place = along * side - offset
    side[~((place > 0.0) & (place < span))] = np.inf
    return np.fmin(np.fmin(first, ball(towards + along, start + axis, r1)), side)


def draw_cones(cones: ConeArrays, camera: Camera) -> Buffers:
    """Cast the rays of all pixels at round cones; the nearest hit is kept."""
    depth, ids = np.full((camera.size, camera.size), np.inf), np.full((camera.size, camera.size), NO_PERSON)
    steps: Array = (np.arange(camera.size, dtype=np.float64) - camera.centre) / camera.focal
    with np.errstate(invalid='ignore', divide='ignore'):
        for number, (left, top, right, bottom) in enumerate(_rectangles(cones, camera).tolist()):
            if right > left and bottom > top:
                window = slice(top, bottom), slice(left, right)
                hits = _cone_depth(cones, number, steps[left:right], steps[top:bottom])
                is_nearer = hits < depth[window]
                np.copyto(depth[window], hits, where=is_nearer)
                np.copyto(ids[window], number, where=is_nearer)
    return Buffers(depth, ids)
