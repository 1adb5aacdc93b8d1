"""What is behind the people: a floor, a wall or the open country, and the shadows on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .rasteriser import FloatImage
from .shading import Light
from .skeleton import Array
from .solids import RoundCones
from .textures import cloudy_tile, fine_tile, look_up

INDOOR_FLOORS = ('planks', 'tiles', 'carpet')
OUTDOOR_FLOORS = ('grass', 'paving', 'sand')
WALLS = ('plain', 'bricks', 'stripes', 'panels')


@dataclass(frozen=True)
class Surroundings:
    """A place.

    Attributes:
        is_indoor: Whether a wall closes it off; otherwise sky.
        floor: Kind of floor.
        floor_colour: RGB (3,).
        wall: Kind of wall.
        wall_colour: RGB (3,).
        wall_normal: Direction the wall faces, horizontal (3,).
        wall_offset: Where it stands: ``wall_normal @ point`` of its points, in metres.
        sky: RGB at the zenith and at the horizon (2, 3).
        shift: Offset into the noise, (2,).
        wall_cut: Height in metres of a skirting of another shade; 0 for none.
    """

    is_indoor: bool
    floor: str
    floor_colour: Array
    wall: str
    wall_colour: Array
    wall_normal: Array
    wall_offset: float
    sky: Array
    shift: Array
    wall_cut: float

    @staticmethod
    def draw(rng: np.random.Generator, behind: float, towards: Array) -> Surroundings:
        """Draw a place.

        Args:
            rng: Source of chance.
            behind: Distance in metres of the wall behind the origin.
            towards: Horizontal direction from the people to the camera (3,).
        """
        is_indoor = bool(rng.random() < 0.55)
        floor = str(rng.choice(INDOOR_FLOORS if is_indoor else OUTDOOR_FLOORS))
        base = {'planks': (0.55, 0.38, 0.24), 'tiles': (0.68, 0.66, 0.62), 'carpet': (0.45, 0.40, 0.42),
                'grass': (0.30, 0.46, 0.20), 'paving': (0.52, 0.51, 0.49),
                'sand': (0.76, 0.68, 0.52)}[floor]  # fmt: skip
        angle = rng.normal(0, 0.35)
        cos, sin = np.cos(angle), np.sin(angle)
        normal = np.array([cos * towards[0] + sin * towards[2], 0.0, cos * towards[2] - sin * towards[0]])
        grey = rng.uniform(0.35, 0.92)
        haze = rng.uniform(0.78, 0.95)
        sky = np.array([[0.38, 0.58, 0.88], [haze, haze, haze]]) if rng.random() < 0.7 else np.full((2, 3), haze)
        return Surroundings(
            is_indoor=is_indoor,
            floor=floor,
            floor_colour=np.clip(np.array(base) * rng.uniform(0.7, 1.25) + rng.normal(0, 0.04, 3), 0.05, 1.0),
            wall=str(rng.choice(WALLS)),
            wall_colour=np.clip(grey + rng.normal(0, 0.09, 3), 0.1, 1.0),
            wall_normal=normal,
            wall_offset=-behind,
            sky=np.clip(sky + rng.normal(0, 0.03, 3), 0.0, 1.0),
            shift=rng.uniform(0, 1, 2),
            wall_cut=float(rng.choice([0.0, 0.1, 1.0])),
        )


def _view(camera: Camera, row: Array) -> FloatImage:
    """``row @ d`` for the rays ``d`` of all pixels given in camera axes, (H, W)."""
    steps = (np.arange(camera.size) - camera.centre) / camera.focal
    return np.add.outer(row[1] * steps + row[2], row[0] * steps).astype(np.float32)


def _floor_pattern(kind: str, x: FloatImage, z: FloatImage, fade: FloatImage, shift: Array) -> FloatImage:
    """Relative brightness (N,) of a floor at world positions (N,)."""
    u, v = x * np.float32(0.35) + np.float32(shift[0]), z * np.float32(0.35) + np.float32(shift[1])
    blotches = look_up(cloudy_tile(), u, v)
    if kind == 'planks':
        board = np.floor(x * np.float32(7.0))
        tone = np.mod(board * np.float32(0.618), 1.0) - np.float32(0.5)
        gap = np.mod(x * np.float32(7.0), 1.0) < 0.06
        return 1.0 + fade * (0.22 * tone + 0.10 * look_up(cloudy_tile(), x * 3.0, v) - 0.25 * gap)
    if kind in ('tiles', 'paving'):
        rate = np.float32(2.2 if kind == 'tiles' else 1.3)
        joint = (np.mod(x * rate, 1.0) < 0.05) | (np.mod(z * rate, 1.0) < 0.05)
        dark = np.mod(np.floor(x * rate) + np.floor(z * rate), 2.0) * (0.25 if shift[0] < 0.4 else 0.04)
        return 1.0 + fade * (-0.22 * joint - dark) + 0.08 * blotches
    grain = look_up(fine_tile(), x * np.float32(0.8), z * np.float32(0.8))
    strength = {'grass': 0.32, 'sand': 0.12, 'carpet': 0.14}[kind]
    return 1.0 + strength * fade * grain + 0.14 * blotches


def _wall_pattern(place: Surroundings, along: FloatImage, height: FloatImage) -> FloatImage:
    """Relative brightness (N,) of a wall at positions along it and heights (N,)."""
    blotches = look_up(cloudy_tile(), along * np.float32(0.2) + np.float32(place.shift[0]), height * np.float32(0.2))
    tone = 1.0 + 0.06 * blotches
    if place.wall == 'bricks':
        row = np.floor(height * np.float32(9.0))
        joint = (np.mod(height * np.float32(9.0), 1.0) < 0.12) | (
            np.mod(along * 3.6 + 0.5 * np.mod(row, 2.0), 1.0) < 0.05
        )
        tone = tone - 0.20 * joint + 0.10 * look_up(fine_tile(), along * np.float32(0.2), row * np.float32(0.013))
    elif place.wall == 'stripes':
        tone = tone - 0.10 * (np.mod(along * np.float32(4.0), 1.0) < 0.5)
    elif place.wall == 'panels':
        tone = tone - 0.22 * (np.mod(along * np.float32(1.1), 1.0) < 0.025)
    return tone - np.float32(0.18) * (height < place.wall_cut)


def paint_backdrop(place: Surroundings, camera: Camera, light: Light, shadow: NDArray[np.float32]) -> FloatImage:
    """Paint the place without its people and things.

    Args:
        place: The place.
        camera: The camera.
        light: The light.
        shadow: Share of the direct light that is missing on the floor (H, W).

    Returns:
        RGB (H, W, 3), about in [0, 1].
    """
    size = camera.size
    across, up, ahead = (_view(camera, camera.rotation[:, axis]) for axis in range(3))
    with np.errstate(divide='ignore'):
        floor_depth = np.where(up < -1e-4, np.float32(-camera.position[1]) / up, np.float32(1e6))
    if place.is_indoor:
        facing = _view(camera, camera.rotation @ place.wall_normal)
        distance = np.float32(place.wall_offset - place.wall_normal @ camera.position)
        with np.errstate(divide='ignore'):
            wall_depth = np.where(facing < -1e-4, distance / facing, np.float32(1e6))
        is_floor = (floor_depth < wall_depth).ravel()
    else:
        is_floor = (floor_depth < 60.0).ravel()
    image = np.empty((size * size, 3), np.float32)
    _paint_floor(image, is_floor, floor_depth, (across, ahead), place, camera, light, shadow)
    rest = np.flatnonzero(~is_floor)
    if place.is_indoor:
        depth = np.minimum(wall_depth.ravel()[rest], 60.0)
        side = np.array([place.wall_normal[2], 0.0, -place.wall_normal[0]])
        along = depth * _view(camera, camera.rotation @ side).ravel()[rest] + np.float32(side @ camera.position)
        height = depth * up.ravel()[rest] + np.float32(camera.position[1])
        lit = light.on(place.wall_normal.astype(np.float32)[:, None])[0] * place.wall_colour
        tone = _wall_pattern(place, along, height) * (1.0 + 0.05 * np.clip(height - 1.5, -1.5, 1.5))
        image[rest] = tone[:, None] * lit.astype(np.float32)
    else:
        _paint_sky(image, rest, up, place)
    return image.reshape(size, size, 3)


def _paint_floor(
    image: FloatImage, is_floor: NDArray[np.bool_], depth: FloatImage, ways: tuple[FloatImage, FloatImage],
    place: Surroundings, camera: Camera, light: Light, shadow: NDArray[np.float32],
) -> None:  # fmt: skip
    found = np.flatnonzero(is_floor)
    near = depth.ravel()[found]
    x, z = (
        near * way.ravel()[found] + np.float32(camera.position[axis]) for way, axis in zip(ways, (0, 2), strict=True)
    )
    fade = np.clip(np.float32(0.012 * camera.focal) / near, 0.0, 1.0)
    tone = _floor_pattern(place.floor, x, z, fade, place.shift)
    up = np.array([[0.0], [1.0], [0.0]], np.float32)
    lit = light.on(up)[0]
    tone = tone * (1.0 - shadow.ravel()[found])
    colour = (place.floor_colour * lit).astype(np.float32)
    if place.is_indoor:
        image[found] = tone[:, None] * colour
        return
    haze = np.clip((near - 8.0) / 50.0, 0.0, 1.0)[:, None]
    image[found] = (1.0 - haze) * (tone[:, None] * colour) + haze * place.sky[1].astype(np.float32)


def _paint_sky(image: FloatImage, pixels: NDArray[np.intp], up: FloatImage, place: Surroundings) -> None:
    size = up.shape[1]
    height = np.clip(up.ravel()[pixels] * np.float32(2.2), 0.0, 1.0)[:, None]
    zenith, horizon = place.sky.astype(np.float32)
    rows, columns = np.divmod(pixels, size)
    u = columns.astype(np.float32) / size * 0.5 + np.float32(place.shift[0])
    v = rows.astype(np.float32) / size + np.float32(place.shift[1])
    clouds = np.clip(look_up(cloudy_tile(), u, v), 0.0, 1.0)[:, None] * np.float32(0.5)
    image[pixels] = (1.0 - clouds) * (horizon + height * (zenith - horizon)) + clouds * np.float32(0.97)


def floor_shadow(
    cones: RoundCones, camera: Camera, light: Light, *, strength: float, softness: float
) -> NDArray[np.float32]:
    """The shadow that round cones in world axes throw on the floor.

    Args:
        cones: What throws the shadow.
        camera: The camera.
        light: The light.
        strength: Share of light that is missing in the core.
        softness: Blur in pixels.

    Returns:
        Missing share (H, W) in [0, 1].
    """
    mask = np.zeros((camera.size, camera.size), np.uint8)
    way = light.direction / max(light.direction[1], 0.4)
    ends = [points - way * np.maximum(points[:, 1:2], 0.0) for points in (cones.starts, cones.ends)]
    (one, depth), (two, _) = camera.project(ends[0]), camera.project(ends[1])
    widths = np.clip(1.3 * cones.radii.mean(axis=1) * camera.focal / np.maximum(depth, 0.1), 1, 60).astype(int)
    places = np.clip(np.concatenate([one, two], axis=1), -2000, 4000).astype(int)
    for (x0, y0, x1, y1), width in zip(places.tolist(), widths.tolist(), strict=True):
        cv2.line(mask, (x0, y0), (x1, y1), 255, width)
    soft = cv2.GaussianBlur(mask, (0, 0), softness)
    return soft.astype(np.float32) * np.float32(strength / 255.0)
