"""Colours: the light, the surfaces that the rays hit, and the floor, wall or sky behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .rasteriser import Buffers, Camera, ConeArrays, FloatImage, RoundCone
from .skeleton import Array

_TILE = 256
_NOISE_SEED = 20230  # the noise is part of the renderer: the same for every data set
_FAR = 60.0
_STRIPES_PER_METRE = 14.0
_FLOOR_COLOURS = np.array(
    [[0.55, 0.38, 0.24], [0.66, 0.65, 0.62], [0.45, 0.40, 0.42], [0.30, 0.46, 0.20], [0.76, 0.68, 0.52]]
)


@dataclass(frozen=True)
class Light:
    """A sun or lamp far away, and the light of sky and ground.

    Attributes:
        direction: Towards the light, in world axes (3,), a unit vector.
        colour: RGB of the direct light (3,).
        sky: RGB of the light from above (3,).
        ground: RGB of the light from below (3,).
    """

    direction: Array
    colour: Array
    sky: Array
    ground: Array

    def on(self, normals: Array) -> Array:
        """Light (..., 3) that falls on surfaces with world normals (..., 3), wrapped a little around the edges."""
        direct = np.maximum(0.18 + 0.82 * normals @ self.direction, 0.0)
        up = 0.5 + 0.5 * normals[..., 1]
        return np.stack([direct, up, 1.0 - up], axis=-1) @ np.stack([self.colour, self.sky, self.ground])


@lru_cache(maxsize=1)
def _cloudy_tile() -> Array:
    """Smooth noise in [-1, 1] with large and small features, (256, 256), seamless."""
    rng = np.random.default_rng(_NOISE_SEED)
    total = np.zeros((_TILE, _TILE))
    for sigma, share in ((32.0, 1.0), (12.0, 0.6), (4.0, 0.35), (1.0, 0.2)):
        noise = np.tile(rng.standard_normal((_TILE, _TILE)), (3, 3))
        smooth = cv2.GaussianBlur(noise, (0, 0), sigma)[_TILE : 2 * _TILE, _TILE : 2 * _TILE]
        total += share * smooth / smooth.std()
    return np.asarray(np.clip(total / (2.5 * total.std()), -1.0, 1.0))


@lru_cache(maxsize=4)
def sensor_noise(side: int) -> FloatImage:
    """Normal noise of unit deviation, (side, side, 3)."""
    return np.random.default_rng(_NOISE_SEED).standard_normal((side, side, 3), dtype=np.float32)


def _noise(u: Array, v: Array) -> Array:
    """Values of the tile at positions in tiles, endlessly repeated."""
    rows, columns = (np.floor(way * _TILE).astype(np.intp) & (_TILE - 1) for way in (v, u))
    return _cloudy_tile()[rows, columns]


def shade(
    image: FloatImage, buffers: Buffers, cones: Sequence[RoundCone], arrays: ConeArrays, light: Light, camera: Camera
) -> None:
    """Paint everything that was hit over the backdrop.

    Args:
        image: The backdrop, RGB (H, W, 3); painted in place.
        buffers: What the rays hit.
        cones: The round cones.
        arrays: The same in camera axes.
        light: The light.
        camera: The camera.
    """
    is_hit = buffers.ids >= 0
    if not is_hit.any():
        return
    ids, depth = buffers.ids[is_hit], buffers.depth[is_hit]
    normals, along = _normals(camera.rays()[is_hit] * depth[:, None], ids, arrays)
    colours, stripes = (
        np.array([cone.colour if one is None else one for cone, one in zip(cones, colours, strict=True)])[ids]
        for colours in ([None] * len(cones), [cone.stripes for cone in cones])
    )
    is_striped = np.mod(along * _STRIPES_PER_METRE, 1.0) > 0.6
    colours[is_striped] = stripes[is_striped]
    image[is_hit] = colours * light.on(normals @ camera.rotation)


def _normals(points: Array, ids: NDArray[np.intp], cones: ConeArrays) -> tuple[Array, Array]:
    """Normals (N, 3) of round cones ``ids`` (N,) at points (N, 3), and metres (N,) along their axes."""
    axes, slope = np.einsum('pij,pj->pi', cones.metrics, cones.axes), cones.radii[:, 0] - cones.radii[:, 1]
    lengths = np.sqrt(np.einsum('pi,pi->p', axes, cones.axes))
    spans = lengths**2 - slope**2
    is_ball = spans <= 1e-9
    axes[is_ball], spans[is_ball] = 0.0, 1.0
    away = points - cones.starts[ids]
    share = np.clip((np.einsum('ni,ni->n', away, axes[ids]) - (cones.radii[:, 0] * slope)[ids]) / spans[ids], 0.0, 1.0)
    normals = np.einsum('nij,nj->ni', cones.metrics[ids], away - share[:, None] * cones.axes[ids])
    return normals / np.linalg.norm(normals, axis=1, keepdims=True), share * lengths[ids]


def paint_backdrop(
    rng: np.random.Generator, people: Sequence[RoundCone], light: Light, camera: Camera, towards: Array
) -> FloatImage:
    """Paint a floor with the people's shadows, and a wall or the sky.

    Args:
        rng: Random number generator.
        people: What throws the shadows, in world axes.
        light: The light.
        camera: The camera.
        towards: Horizontal direction from the people to the camera (3,).

    Returns:
        RGB (H, W, 3), about in [0, 1].
    """
    is_indoor, shift = rng.random() < 0.55, rng.uniform(0, 1, 2)
    rays = camera.rays() @ camera.rotation  # in world axes
    shadow = rng.uniform(0.25, 0.55) * _floor_shadow(people, camera, light, softness=float(rng.uniform(0.8, 2.5)))
    with np.errstate(divide='ignore'):
        depth = np.where(rays[..., 1] < -1e-4, -camera.position[1] / rays[..., 1], np.inf)
    floor = _floor(rng, camera.position + np.minimum(depth, _FAR)[..., None] * rays, shift)
    floor *= light.on(np.array([0.0, 1.0, 0.0])) * (1.0 - shadow[..., None])
    if is_indoor:
        rest, beyond = _wall(rng, rays, light, camera, towards)
    else:
        rest, beyond = _sky(rng, rays, shift), np.full_like(depth, _FAR)
        haze = np.clip((depth - 8.0) / 50.0, 0.0, 1.0)[..., None]
        floor = (1.0 - haze) * floor + haze * 0.85
    return np.where((depth < beyond)[..., None], floor, rest).astype(np.float32)


def _floor(rng: np.random.Generator, points: Array, shift: Array) -> Array:
    """Colours (H, W, 3) of a blotchy floor at world points (H, W, 3), tiled or with a grain like grass or carpet."""
    x, z = points[..., 0], points[..., 2]
    tone = 1.0 + 0.1 * _noise(0.35 * x + shift[0], 0.35 * z + shift[1])
    if rng.random() < 0.5:
        rate, check = rng.uniform(1.2, 4.0), rng.choice([0.04, 0.25])
        tone -= 0.2 * ((np.mod(x * rate, 1.0) < 0.05) | (np.mod(z * rate, 1.0) < 0.05))
        tone -= check * np.mod(np.floor(x * rate) + np.floor(z * rate), 2.0)
    else:
        tone += rng.uniform(0.1, 0.3) * _noise(3.1 * x, 3.1 * z)
    colour = _FLOOR_COLOURS[rng.integers(len(_FLOOR_COLOURS))] * rng.uniform(0.7, 1.25) + rng.normal(0, 0.04, 3)
    return np.asarray(tone[..., None] * np.clip(colour, 0.05, 1.0))


def _wall(
    rng: np.random.Generator, rays: Array, light: Light, camera: Camera, towards: Array
) -> tuple[Array, Array]:
    """Colours (H, W, 3) of a wall with joints, pictures and doors, and its depth (H, W)."""
    angle, behind = rng.normal(0, 0.35), rng.uniform(1.1, 3.2)
    cos, sin = np.cos(angle), np.sin(angle)
    normal = np.array([cos * towards[0] + sin * towards[2], 0.0, cos * towards[2] - sin * towards[0]])
    facing = rays @ normal
    with np.errstate(divide='ignore'):
        depth = np.where(facing < -1e-4, (-behind - normal @ camera.position) / facing, np.inf)
    points = camera.position + np.minimum(depth, _FAR)[..., None] * rays
    along, height = points @ np.array([normal[2], 0.0, -normal[0]]), points[..., 1]
    tone = 1.0 + 0.06 * _noise(0.2 * along, 0.2 * height)
    rates, is_joined = rng.choice([0.0, 1.1, 4.0, 9.0], 2), rng.random() < 0.5
    tone -= 0.16 * is_joined * ((np.mod(along * rates[0], 1.0) > 0.94) | (np.mod(height * rates[1], 1.0) > 0.9))
    tone -= 0.18 * (height < rng.choice([0.0, 0.1, 1.0]))
    colours = tone[..., None] * np.clip(rng.uniform(0.35, 0.92) + rng.normal(0, 0.09, 3), 0.1, 1.0)
    for _ in range(int(rng.integers(0, 5))):  # doors and furniture stand on the floor, pictures and windows hang
        place, wide, tall = rng.uniform(-2.6, 2.6), rng.uniform(0.2, 0.7), rng.uniform(0.3, 2.0)
        low = rng.uniform(1.0, 1.6) if tall < 1.0 and rng.random() < 0.6 else 0.0
        is_inside = (np.abs(along - place) < wide) & (height > low) & (height < low + tall)
        colours[is_inside] = rng.uniform(0.1, 0.95) + rng.normal(0, 0.1, 3)
    return np.clip(colours, 0.03, 1.0) * light.on(normal), depth


def _sky(rng: np.random.Generator, rays: Array, shift: Array) -> Array:
    """Colours (H, W, 3) of a sky with clouds, above trees or houses."""
    aside, up = np.arctan2(rays[..., 0], rays[..., 2]), rays[..., 1]
    horizon = np.full(3, rng.uniform(0.78, 0.95))
    zenith = np.array([0.38, 0.58, 0.88]) if rng.random() < 0.7 else horizon
    colours = horizon + np.clip(2.2 * up, 0.0, 1.0)[..., None] * (zenith - horizon)
    clouds = 0.5 * np.clip(_noise(0.3 * aside + shift[0], up + shift[1]), 0.0, 1.0)[..., None]
    colours = (1.0 - clouds) * colours + clouds * 0.97
    green = np.array([0.20, 0.36, 0.16]) if rng.random() < 0.6 else rng.uniform(0.35, 0.7, 3)
    step = rng.choice([0.002, 0.06])  # ragged trees, or houses with flat roofs
    top = rng.uniform(0.0, 0.2) + 0.2 * _noise(0.5 * np.floor(aside / step) * step, np.full_like(aside, shift[0]))
    leaves = green * (1.0 + 0.35 * _noise(1.5 * aside, 1.5 * up))[..., None]
    return np.asarray(np.where((up < top)[..., None], np.clip(leaves, 0.0, 1.0), colours))


def _floor_shadow(cones: Sequence[RoundCone], camera: Camera, light: Light, *, softness: float) -> FloatImage:
    """Shadow (H, W) in [0, 1] that round cones in world axes throw on the floor, blurred by ``softness`` pixels."""
    mask = np.zeros((camera.size, camera.size), np.float32)
    way = light.direction / max(light.direction[1], 0.4)
    points = np.array([[cone.start, cone.end] for cone in cones])
    pixels, depths = camera.project(points - way * np.maximum(points[..., 1:2], 0.0))
    radii = np.array([cone.radii[0] for cone in cones])
    widths = np.clip(1.2 * radii * camera.focal / np.maximum(depths[:, 0], 0.1), 1, 60).astype(int)
    places = np.clip(pixels.reshape(-1, 4), -2000, 4000).astype(int)
    for (x0, y0, x1, y1), width in zip(places.tolist(), widths.tolist(), strict=True):
        cv2.line(mask, (x0, y0), (x1, y1), 1.0, width)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), softness))
