"""From what the rays hit to colours: normals, patterns, light, and the shade in nooks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .appearance import FACE_SIZE, Material, Pattern, face_pixel
from .camera import Camera
from .head import AXIS_Z
from .rasteriser import Buffers, FloatImage, LocalCones
from .skeleton import INDEX, Array, BodyShape, forward_kinematics
from .solids import NOBODY, RoundCones


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

    def on(self, normals: FloatImage) -> FloatImage:
        """Light (N, 3) that falls on surfaces with world normals (3, N), wrapped a little around the edges."""
        facing = np.asarray(self.direction, np.float32) @ normals
        direct = np.maximum(0.18 + 0.82 * facing, 0.0)
        up = 0.5 + 0.5 * normals[1]
        mixing = np.stack([direct, up, 1.0 - up], axis=1)
        return mixing @ np.stack([self.colour, self.sky, self.ground]).astype(np.float32)


@dataclass(frozen=True)
class Wardrobe:
    """What the numbers in the buffers stand for.

    Attributes:
        cones: The round cones in camera axes.
        local: Their local form.
        materials: The table of materials.
        faces: Picture of the face by person.
        shapes: Body by person.
        box_normals: World normals of the box faces (F, 3).
        box_colours: Their colours (F, 3).
    """

    cones: RoundCones
    local: LocalCones
    materials: list[Material]
    faces: list[FloatImage]
    shapes: list[BodyShape]
    box_normals: Array
    box_colours: Array


def _rays(pixels: NDArray[np.intp], depth: FloatImage, camera: Camera) -> FloatImage:
    """Points (3, N) in camera axes that are seen at flat pixel numbers (N,) at depths (N,)."""
    rows, columns = np.divmod(pixels, camera.size)
    factor = depth * np.float32(1.0 / camera.focal)
    middle = np.float32(camera.centre)
    return np.stack(
        [(columns.astype(np.float32) - middle) * factor, (rows.astype(np.float32) - middle) * factor, depth]
    )


def _normals(points: FloatImage, ids: NDArray[np.int16], wardrobe: Wardrobe, camera: Camera) -> FloatImage:
    """World normals (3, N) of round cones ``ids`` (N,) at points (3, N) in camera axes."""
    local = wardrobe.local
    spans = np.maximum(local.spans, 1e-9)
    slope = local.radii[:, 0] - local.radii[:, 1]
    # Position along the axis is (axis . q - r0 * slope) / span; for ellipsoids the axis is 0.
    axes = np.where(local.spans[:, None] > 1e-9, local.axes, 0.0)
    table = np.concatenate([local.maps.reshape(-1, 9), local.starts, axes, (axes / spans[:, None]),
                            (local.radii[:, 0] * slope / spans)[:, None]], axis=1).astype(np.float32)  # fmt: skip
    rows = np.ascontiguousarray(table.T)[:, ids]
    mapped = np.einsum('jkn,kn->jn', rows[:9].reshape(3, 3, -1), points) - rows[9:12]
    along = np.clip(np.einsum('jn,jn->n', rows[15:18], mapped) - rows[18], 0.0, 1.0)
    mapped -= rows[12:15] * along
    seen = np.einsum('jkn,jn->kn', rows[:9].reshape(3, 3, -1), mapped)
    seen /= np.sqrt(np.einsum('jn,jn->n', seen, seen))
    return camera.rotation.T.astype(np.float32) @ seen


def _rest_points(points: FloatImage, ids: NDArray[np.int16], cones: RoundCones) -> FloatImage:
    """The same points (3, N) on the resting body."""
    frames = np.swapaxes(cones.frames, 1, 2)
    moves = cones.anchors - np.einsum('pij,pj->pi', frames, cones.starts)
    rows = np.ascontiguousarray(np.concatenate([frames.reshape(-1, 9), moves], axis=1).astype(np.float32).T)[:, ids]
    return np.einsum('jkn,kn->jn', rows[:9].reshape(3, 3, -1), points) + rows[9:12]


def pattern_mask(pattern: Pattern, rest: FloatImage, repeats: FloatImage, height: FloatImage) -> NDArray[np.bool_]:
    """Where the second colour of a pattern goes.

    Args:
        pattern: The pattern.
        rest: Points (3, N) on the resting body, in metres, pelvis at the origin.
        repeats: Repetitions per metre (N,).
        height: Height of the person (N,) in metres.
    """
    x, y, z = rest
    if pattern == Pattern.HOOPS:
        return np.mod(y * repeats, 1.0) < 0.4
    if pattern == Pattern.STRIPES:
        return np.mod(np.arctan2(x, z + 0.02) * repeats * 0.13, 1.0) < 0.35
    if pattern == Pattern.CHECKS:
        return (np.mod(x * repeats, 1.0) < 0.35) ^ (np.mod(y * repeats, 1.0) < 0.35)
    if pattern == Pattern.DOTS:
        return (np.mod(x * repeats, 1.0) - 0.5) ** 2 + (np.mod(y * repeats, 1.0) - 0.5) ** 2 < 0.07
    if pattern == Pattern.OPEN_FRONT:
        return (np.abs(x) < (0.012 + 0.05 * np.clip(y / height, 0.0, 0.4)) * height) & (z > 0.0)
    if pattern == Pattern.PRINT:
        return (np.abs(x) < 0.05 * height) & (np.abs(y - 0.20 * height) < 0.035 * height) & (z > 0.0)
    if pattern == Pattern.SOLE:
        return y < -0.530 * height
    return np.zeros(len(x), bool)


def _paint_patterns(colours: FloatImage, points: FloatImage, ids: NDArray[np.int16], wardrobe: Wardrobe) -> None:
    cones, materials = wardrobe.cones, wardrobe.materials
    kinds = np.array([material.pattern for material in materials])[cones.materials]
    patterned = np.flatnonzero(kinds[ids] != Pattern.PLAIN)
    if not len(patterned):
        return
    some = ids[patterned]
    rest = _rest_points(points[:, patterned], some, cones)
    owners = cones.owners[some]
    heights = np.array([shape.height for shape in wardrobe.shapes], np.float32)[owners]
    repeats = np.array([material.repeats for material in materials], np.float32)[cones.materials][some]
    second = np.array([material.second for material in materials], np.float32)[cones.materials]
    found = kinds[some]
    for pattern in np.unique(found):
        chosen = np.flatnonzero(found == pattern)
        if pattern == Pattern.FACE:
            colours[patterned[chosen]] = _face_colours(rest[:, chosen], owners[chosen], wardrobe)
            continue
        mask = pattern_mask(Pattern(int(pattern)), rest[:, chosen], repeats[chosen], heights[chosen])
        hit = chosen[mask]
        colours[patterned[hit]] = second[some[hit]]


def _face_colours(rest: FloatImage, owners: NDArray[np.intp], wardrobe: Wardrobe) -> FloatImage:
    """Colours (N, 3) of the skin of the head at points (3, N) of the resting body."""
    result = np.empty((rest.shape[1], 3), np.float32)
    for owner in np.unique(owners):
        shape = wardrobe.shapes[owner]
        neck = forward_kinematics(np.zeros((len(INDEX), 3)), shape.offsets()).positions[INDEX['head']]
        mine = np.flatnonzero(owners == owner)
        x, y, z = (rest[:, mine] - neck.astype(np.float32)[:, None]) / np.float32(shape.height * shape.head)
        place = face_pixel(np.rad2deg(np.arctan2(x, z - np.float32(AXIS_Z))), y)
        column, row = np.clip(np.round(place), 0, FACE_SIZE - 1).astype(np.intp).T
        result[mine] = wardrobe.faces[owner][row, column]
    return result


def nook_shade(buffers: Buffers, unit: float) -> FloatImage:
    """Less light where neighbours stand out in front: 1 in the open down to about 0.6, (H, W).

    Args:
        buffers: What the rays hit.
        unit: About 5 centimetres, in pixels.
    """
    is_hit = buffers.ids >= 0
    if not is_hit.any():
        return np.ones_like(buffers.depth)
    far = np.float32(buffers.depth[is_hit].max() + 0.1)
    depth = np.where(is_hit, buffers.depth, far)
    side = 2 * max(1, int(round(1.3 * unit))) + 1
    hidden = np.clip((depth - cv2.blur(depth, (side, side))) * np.float32(5.0), 0.0, 1.0)
    return np.float32(1.0) - np.float32(0.42) * hidden


def shade(image: FloatImage, buffers: Buffers, wardrobe: Wardrobe, light: Light, camera: Camera) -> None:
    """Paint everything that was hit over the backdrop.

    Args:
        image: The backdrop, RGB (H, W, 3); painted in place.
        buffers: What the rays hit.
        wardrobe: What the numbers stand for.
        light: The light.
        camera: The camera.
    """
    pixels = np.flatnonzero(buffers.ids.ravel() >= 0)
    ids, depth = buffers.ids.ravel()[pixels], buffers.depth.ravel()[pixels]
    count = len(wardrobe.cones)
    nooks = nook_shade(buffers, 0.05 * camera.focal / max(float(np.median(depth)), 0.1) if len(depth) else 1.0).ravel()
    flat = image.reshape(-1, 3)
    body = ids < count
    some, number = pixels[body], ids[body]
    points = _rays(some, depth[body], camera)
    colours = np.array([material.colour for material in wardrobe.materials], np.float32)[wardrobe.cones.materials][
        number
    ]
    _paint_patterns(colours, points, number, wardrobe)
    colours *= light.on(_normals(points, number, wardrobe, camera))
    flat[some] = colours * nooks[some][:, None]
    if len(some) < len(pixels):
        boxed = pixels[~body]
        lit = wardrobe.box_colours.astype(np.float32) * light.on(wardrobe.box_normals.astype(np.float32).T)
        flat[boxed] = lit[ids[~body] - count] * nooks[boxed][:, None]


def owners_of(buffers: Buffers, cones: RoundCones) -> NDArray[np.int16]:
    """Number of the person seen at each pixel (H, W), or :data:`~.solids.NOBODY`."""
    table = np.full(int(buffers.ids.max(initial=-1)) + 2, NOBODY, np.int16)
    table[: min(len(cones), len(table) - 1)] = cones.owners[: len(table) - 1]
    return table[buffers.ids]
