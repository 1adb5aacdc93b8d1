"""Which surface is in front at every pixel: exact ray casting of round cones and boxes into a depth buffer.

A ray through a pixel is ``d = (x, y, 1)``; what it hits first is at ``t * d``, so ``t`` is the depth along the
viewing axis. Squeezing a round cone is undone by a linear map of the rays, under which ``t`` does not change.
Every quantity that decides about a hit is then a polynomial in (x, y) of degree two or less. Its coefficients are
worked out for all solids at once and its values over a solid's rectangle come from one matrix product.
The round cone's own equations: its side is the envelope of the balls between its ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .skeleton import Array
from .solids import Box, RoundCones

FloatImage = NDArray[np.float32]
NOTHING = -1
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Buffers:
    """What the rays hit.

    Attributes:
        depth: Depth along the viewing axis (H, W) in metres; infinite where nothing is hit.
        ids: Number of the round cone (H, W), or their count plus the number of the box face, or :data:`NOTHING`.
    """

    depth: FloatImage
    ids: NDArray[np.int16]

    @staticmethod
    def empty(size: int) -> Buffers:
        """Buffers for a square image in which nothing has been hit yet."""
        return Buffers(np.full((size, size), np.inf, np.float32), np.full((size, size), NOTHING, np.int16))


@dataclass(frozen=True)
class LocalCones:
    """Round cones under the map that undoes the squeezing, camera at the origin.

    Attributes:
        maps: Camera axes to local axes, (P, 3, 3).
        starts: First ends in local axes, (P, 3).
        axes: Second end minus first, (P, 3).
        radii: Radii (P, 2).
        spans: Squared axis length minus squared difference of radii, (P,); not above 0: one ball holds the other.
    """

    maps: Array
    starts: Array
    axes: Array
    radii: Array
    spans: Array

    @staticmethod
    def of(cones: RoundCones) -> LocalCones:
        """The local form of round cones in camera axes."""
        maps = np.swapaxes(cones.frames, 1, 2) / cones.scales[:, :, None]
        starts = np.einsum('pij,pj->pi', maps, cones.starts)
        axes = np.einsum('pij,pj->pi', maps, cones.ends - cones.starts)
        spans = np.einsum('pi,pi->p', axes, axes) - (cones.radii[:, 0] - cones.radii[:, 1]) ** 2
        return LocalCones(maps, starts, axes, cones.radii, spans)


def _outer(one: Array, two: Array) -> Array:
    return np.asarray(one[:, :, None] * two[:, None, :])


def _ball_forms(local: LocalCones, centres: Array, radii: Array) -> tuple[Array, Array, Array]:
    """Discriminant form (P, 3, 3), linear form (P, 3) and constant (P,) of the balls at local ``centres`` (P, 3)."""
    gram = np.swapaxes(local.maps, 1, 2) @ local.maps
    linear = -np.einsum('pji,pj->pi', local.maps, centres)
    constant = np.einsum('pi,pi->p', centres, centres) - radii**2
    return _outer(linear, linear) - constant[:, None, None] * gram, linear, constant


def _side_forms(local: LocalCones) -> tuple[Array, Array, Array, Array, Array]:
    """The same for the cones' sides, with the forms of the position along the axis: linear (P, 3), constant (P,)."""
    start, axis, span = local.starts, local.axes, local.spans
    first, slope = local.radii[:, 0], local.radii[:, 0] - local.radii[:, 1]
    length, along = np.einsum('pi,pi->p', axis, axis), -np.einsum('pi,pi->p', axis, start)
    gram = np.swapaxes(local.maps, 1, 2) @ local.maps
    on_axis = np.einsum('pji,pj->pi', local.maps, axis)
    towards = -np.einsum('pji,pj->pi', local.maps, start)
    linear = span[:, None] * towards + (slope * first - along)[:, None] * on_axis
    constant = span * np.einsum('pi,pi->p', start, start) - along**2 + 2.0 * along * slope * first - length * first**2
    quadratic = span[:, None, None] * gram - _outer(on_axis, on_axis)
    form = _outer(linear, linear) - constant[:, None, None] * quadratic
    return form, linear, constant, on_axis, along - first * slope


def _ball_bounds(centres: Array, radii: Array, frames: Array, scales: Array) -> Array:
    """Ranges of x and y (P, 2, 2: axis, low/high) that squeezed balls in camera axes cover."""
    shape = np.einsum('pij,pj,pkj->pik', frames, (scales * radii[:, None]) ** 2, frames)
    dual = shape - _outer(centres, centres)
    middle, last = dual[:, :2, 2], dual[:, 2:, 2]
    root = np.sqrt(np.maximum(middle**2 - np.stack([dual[:, 0, 0], dual[:, 1, 1]], axis=1) * last, 0.0))
    ends = np.stack([middle + root, middle - root], axis=2) / np.minimum(last, -1e-9)[:, :, None]
    return np.sort(ends, axis=2)


def _rectangles(cones: RoundCones, camera: Camera) -> NDArray[np.intp]:
    """Pixel rectangles (P, 4: left, top, right, bottom; ends exclusive) that hold the round cones."""
    one, two = (
        _ball_bounds(centres, cones.radii[:, end], cones.frames, cones.scales)
        for end, centres in enumerate((cones.starts, cones.ends))
    )
    low, high = np.minimum(one[:, :, 0], two[:, :, 0]), np.maximum(one[:, :, 1], two[:, :, 1])
    low = np.floor(camera.centre + camera.focal * low)
    high = np.ceil(camera.centre + camera.focal * high) + 1
    limits = np.concatenate([np.clip(low, 0, camera.size), np.clip(high, 0, camera.size)], axis=1).astype(np.intp)
    reach = np.max(cones.radii, axis=1) * np.max(cones.scales, axis=1)
    is_ahead = np.minimum(cones.starts[:, 2], cones.ends[:, 2]) > reach + 0.1
    limits[~is_ahead] = 0
    return limits


def _polynomials(forms: Array, middles: Array, pixel: float) -> FloatImage:
    """Coefficients of quadratic forms in pixels about each solid's own middle, so that float32 is precise enough.

    Args:
        forms: Symmetric forms (P, N, 3, 3) in (x, y, 1).
        middles: The middles (P, 2) as (x, y).
        pixel: Size of a pixel in x.

    Returns:
        (P, N, 3, 3): powers of y by powers of x.
    """
    shift = np.zeros((len(forms), 3, 3))
    shift[:, 0, 0] = shift[:, 1, 1] = pixel
    shift[:, :2, 2], shift[:, 2, 2] = middles, 1.0
    moved = np.swapaxes(shift, 1, 2)[:, None] @ forms @ shift[:, None]
    result = np.zeros(forms.shape, np.float32)
    result[..., 0, 0] = moved[..., 2, 2]
    result[..., 0, 1], result[..., 1, 0] = 2.0 * moved[..., 0, 2], 2.0 * moved[..., 1, 2]
    result[..., 1, 1], result[..., 0, 2], result[..., 2, 0] = 2.0 * moved[..., 0, 1], moved[..., 0, 0], moved[..., 1, 1]
    return result


def _as_form(linear: Array) -> Array:
    """The linear form (P, 3) in (x, y, 1) written as a symmetric quadratic form (P, 3, 3)."""
    form = np.zeros((len(linear), 3, 3))
    form[:, 2, :] += 0.5 * linear
    form[:, :, 2] += 0.5 * linear
    return form


@dataclass(frozen=True)
class _Programs:
    """What the rasteriser's loop needs about each round cone: rectangles, polynomials and plain numbers."""

    rectangles: list[list[int]]
    polynomials: FloatImage
    constants: FloatImage
    offsets: list[float]
    spans: list[float]
    kinds: list[int]  # 0 ellipsoid, 1 round cone, 2 side only


def _programs(cones: RoundCones, local: LocalCones, camera: Camera) -> _Programs:
    side, side_linear, side_constant, on_axis, offset = _side_forms(local)
    first, first_linear, first_constant = _ball_forms(local, local.starts, local.radii[:, 0])
    second, second_linear, second_constant = _ball_forms(local, local.starts + local.axes, local.radii[:, 1])
    linear = [_as_form(form) for form in (first_linear, second_linear, side_linear, on_axis)]
    # In an order that lets an ellipsoid use entries 0 and 3, and a round cone all of 0:3 and 3:6.
    forms = np.stack([first, second, side, *linear], axis=1)
    rectangles = _rectangles(cones, camera)
    corners = rectangles.astype(np.float64)
    middles = (0.5 * (corners[:, :2] + corners[:, 2:] - 1.0) - camera.centre) / camera.focal
    constants = np.stack([first_constant, second_constant, side_constant], axis=1)
    is_ball = local.spans <= 1e-9
    return _Programs(
        rectangles.tolist(),
        _polynomials(forms, middles, 1.0 / camera.focal),
        constants.astype(np.float32)[:, :, None, None],
        offset.tolist(),
        local.spans.tolist(),
        np.where(is_ball, 0, np.where(cones.capped, 1, 2)).tolist(),
    )


@lru_cache(maxsize=4096)
def _powers(size: int) -> FloatImage:
    """Rows 1, s, s^2 of ``size`` pixel positions about their middle, (3, size)."""
    steps = np.arange(size, dtype=np.float32) - np.float32(0.5 * (size - 1))
    return np.stack([np.ones_like(steps), steps, steps * steps])


def _values(coefficients: FloatImage, height: int, width: int) -> FloatImage:
    """Values (N, height, width) of polynomials with coefficients (N, 3, 3)."""
    rows = _powers(height).T @ coefficients
    return (rows.reshape(-1, 3) @ _powers(width)).reshape(len(coefficients), height, width)


def _cone_depth(values: FloatImage, constants: FloatImage, offset: float, span: float, has_caps: bool) -> FloatImage:
    """Depth (h, w) of a round cone, not-a-number or infinite where it is missed."""
    hits = constants / (np.sqrt(values[0:3]) - values[3:6])
    side = hits[2]
    position = side * values[6]
    position += offset - 0.5 * span
    np.abs(position, out=position)
    side[position > 0.5 * span] = np.inf
    return np.fmin(np.fmin(hits[0], hits[1]), side) if has_caps else side


def draw_cones(buffers: Buffers, cones: RoundCones, local: LocalCones, camera: Camera) -> None:
    """Cast the rays of all pixels at round cones in camera axes; nearer hits replace farther ones."""
    programs = _programs(cones, local, camera)
    with np.errstate(invalid='ignore', divide='ignore'):
        for number, (left, top, right, bottom) in enumerate(programs.rectangles):
            if right <= left or bottom <= top:
                continue
            coefficients, constants = programs.polynomials[number], programs.constants[number]
            kind = programs.kinds[number]
            if kind == 0:
                form, linear = _values(coefficients[0:4:3], bottom - top, right - left)
                depth = constants[0] / (np.sqrt(form) - linear)
            else:
                values = _values(coefficients, bottom - top, right - left)
                depth = _cone_depth(values, constants, programs.offsets[number], programs.spans[number], kind == 1)
            known = buffers.depth[top:bottom, left:right]
            is_nearer = depth < known
            np.copyto(known, depth, where=is_nearer)
            np.copyto(buffers.ids[top:bottom, left:right], np.int16(number), where=is_nearer)


def _draw_face(buffers: Buffers, corners: Array, normal: Array, number: int, camera: Camera) -> None:
    """Cast rays at one flat face, given in camera axes."""
    pixels = camera.centre + camera.focal * corners[:, :2] / corners[:, 2:]
    left, top = np.clip(np.floor(pixels.min(axis=0)), 0, camera.size).astype(int)
    right, bottom = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, camera.size).astype(int)
    if right <= left or bottom <= top:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    around = np.round((pixels - [left, top]) * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillConvexPoly(mask, around, 1, shift=_SUBPIXEL_BITS)
    x = (np.arange(left, right) - camera.centre) / camera.focal
    y = (np.arange(top, bottom) - camera.centre) / camera.focal
    slope = (normal[0] * x[None, :] + (normal[1] * y + normal[2])[:, None]).astype(np.float32)
    known = buffers.depth[top:bottom, left:right]
    with np.errstate(divide='ignore'):
        depth = np.float32(normal @ corners[0]) / slope
    is_nearer = (mask > 0) & (depth > 0) & (depth < known)
    np.copyto(known, depth, where=is_nearer)
    np.copyto(buffers.ids[top:bottom, left:right], np.int16(number), where=is_nearer)


def draw_boxes(buffers: Buffers, boxes: list[Box], first_id: int, camera: Camera) -> tuple[Array, Array]:
    """Cast rays at boxes in world axes.

    Args:
        buffers: Filled in place; face ``i`` gets the number ``first_id + i``.
        boxes: The boxes. One that reaches behind the camera is left out.
        first_id: Number of the first face.
        camera: The camera.

    Returns:
        Normals in world axes (F, 3) and colours (F, 3) of all faces, six for a box.
    """
    normals, colours = np.zeros((6 * len(boxes), 3)), np.zeros((6 * len(boxes), 3))
    for number, box in enumerate(boxes):
        if camera.to_camera(box.corners())[..., 2].min() < 0.1:
            continue
        for side, (normal, corners) in enumerate(box.faces()):
            face = 6 * number + side
            normals[face], colours[face] = normal, box.colour
            seen = camera.to_camera(corners)
            turned = camera.rotation @ normal
            if turned @ seen[0] < 0.0:
                _draw_face(buffers, seen, turned, first_id + face, camera)
    return normals, colours
