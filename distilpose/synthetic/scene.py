"""One image: people, things, light and camera, rendered, with what can be seen of every person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .people import Person, draw_colour, draw_people
from .rasteriser import Buffers, Camera, ConeArrays, FloatImage, RoundCone, draw_cones, look_at, turn
from .shading import Light, paint_backdrop, sensor_noise, shade
from .skeleton import INDEX, Array

OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
"""COCO's visibility: not in the image, in it but covered, seen."""
_OBSTACLE_SHARE = 0.3
_CLOSE_UP_SHARE = 0.15


@dataclass(frozen=True)
class PersonView:
    """What a camera sees of one person.

    Attributes:
        whole_body: COCO-WholeBody keypoints (133, 2) in pixels; the first 17 are COCO's.
        visibility: Their visibility (133,), COCO's 0, 1 or 2.
        mpii: MPII joints (16, 2) in pixels.
        mpii_visibility: Whether each lies in the image (16,).
        head_box: Corners of the head's rectangle (2, 2) in pixels, not cut by the image.
        mask: Pixels that show the person (H, W).
    """

    whole_body: Array
    visibility: NDArray[np.int64]
    mpii: Array
    mpii_visibility: NDArray[np.bool_]
    head_box: Array
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class View:
    """A rendered image, BGR (H, W, 3) bytes, and its people."""

    image: NDArray[np.uint8]
    people: list[PersonView]


def render_scene(rng: np.random.Generator, *, size: int) -> View:
    """Draw a scene and render it.

    Args:
        rng: Random number generator; the view is a function of its state and of ``size``.
        size: Side of the image in pixels, an even number.
    """
    towards = turn(rng.uniform(-np.pi, np.pi))[:, 2]
    people = draw_people(rng, towards)
    camera = _draw_camera(rng, people, towards, size=size)
    light = _draw_light(rng, towards)
    bodies = [cone for person in people for cone in person.cones]
    cones = bodies + _draw_things(rng, people, camera, towards)
    arrays = ConeArrays.of(cones, camera)
    buffers = draw_cones(arrays, camera)
    # The backdrop has half the resolution, since the lens is focused on the people.
    half = replace(camera, focal=camera.focal / 2, size=size // 2)
    image = cv2.resize(paint_backdrop(rng, bodies, light, half, towards), (size, size))
    shade(image, buffers, cones, arrays, light, camera)
    owners = buffers.owners(cones)
    views = [view_person(person, number, camera, buffers, owners) for number, person in enumerate(people)]
    return View(_develop(rng, image), views)


def _draw_camera(rng: np.random.Generator, people: Sequence[Person], towards: Array, *, size: int) -> Camera:
    """A camera at eye, hip or overhead height that frames the people, now and then too closely."""
    points = np.concatenate([person.marks.whole_body for person in people])
    low, high = points.min(axis=0), points.max(axis=0)
    distance = rng.uniform(2.6, 6.5) + 0.5 * float(np.linalg.norm((high - low)[[0, 2]]))
    position = 0.5 * (low + high) * [1, 0, 1] + distance * (turn(rng.normal(0.0, 0.25)) @ towards)
    position[1] = float(np.clip(rng.normal(1.35, 0.45), 0.35, 2.9))
    target = 0.5 * (low + high)
    camera = look_at(position, target, roll=0.0, focal=float(size), size=size)
    for _ in range(2):  # aim at the middle of what is seen, which perspective shifts
        pixels, _ = camera.project(points)
        off = (pixels.min(axis=0) + pixels.max(axis=0)) / 2 - camera.centre
        target = target + camera.rotation.T @ np.array([*(off * distance / camera.focal), 0.0])
        camera = look_at(position, target, roll=0.0, focal=float(size), size=size)
    pixels, _ = camera.project(points)
    extent = float((pixels.max(axis=0) - pixels.min(axis=0)).max())
    fill = rng.uniform(1.05, 1.45) if rng.random() < _CLOSE_UP_SHARE else rng.uniform(0.62, 0.93)
    shift = rng.normal(0.0, 0.04, 2) * distance
    target = target + camera.rotation.T @ np.array([*shift * (1.0 - min(fill, 0.9)), 0.0])
    return look_at(position, target, roll=rng.normal(0.0, 0.04), focal=float(size) * fill * size / extent, size=size)


def _draw_light(rng: np.random.Generator, towards: Array) -> Light:
    """A lamp or sun somewhere above, more often on the camera's side, warm or cool."""
    direction = turn(rng.uniform(-1.9, 1.9)) @ towards + np.array([0.0, rng.uniform(0.5, 1.6), 0.0])
    warmth, ambient = rng.normal(0.0, 0.05), rng.uniform(0.38, 0.62)
    return Light(
        direction=direction / np.linalg.norm(direction),
        colour=rng.uniform(0.50, 0.90) * np.array([1.0 + warmth, 1.0, 1.0 - warmth]),
        sky=ambient * np.array([0.97 - 0.5 * warmth, 1.0, 1.04 + 0.5 * warmth]),
        ground=0.6 * ambient * np.array([1.03, 1.0, 0.95]),
    )


def _draw_things(
    rng: np.random.Generator, people: Sequence[Person], camera: Camera, towards: Array
) -> list[RoundCone]:
    """Seats under people who sit, a post behind the people, and now and then something in front of one of them."""
    aside = np.array([towards[2], 0.0, -towards[0]])
    place = -towards * rng.uniform(0.9, 1.1) + aside * rng.uniform(-2.0, 2.0)
    things = [_post(rng, place, float(rng.uniform(0.3, 2.0)))]
    things += [_seat(rng, person) for person in people if person.has_seat]
    if rng.random() < _OBSTACLE_SHARE:
        things.append(_obstacle(rng, people[int(rng.integers(len(people)))], camera))
    return things


def _post(rng: np.random.Generator, place: Array, height: float) -> RoundCone:
    radius = float(rng.uniform(0.03, 0.15))
    return RoundCone(place, place + [0.0, height, 0.0], (radius, radius), draw_colour(rng))


def _seat(rng: np.random.Generator, person: Person) -> RoundCone:
    """A pouf or bench under a seated person."""
    frame = turn(float(np.arctan2(*person.skeleton.rotations[0, [0, 2], 2])))
    hips = person.skeleton.positions[[INDEX['left_hip'], INDEX['right_hip']]]
    radius = 0.5 * (float(hips[:, 1].min()) - 0.054 * person.shape.height)
    middle = hips.mean(axis=0) * [1.0, 0.0, 1.0] + [0.0, radius, 0.0]
    half = rng.uniform(0.05, 0.15) if rng.random() < 0.6 else rng.uniform(0.3, 0.7)
    ends = middle - half * frame[:, 0], middle + half * frame[:, 0]
    return RoundCone(*ends, (radius, radius), draw_colour(rng), frame=frame)


def _obstacle(rng: np.random.Generator, person: Person, camera: Camera) -> RoundCone:
    """A post, or a long thing like a hedge or a sofa, between the camera and a person."""
    body = person.skeleton.positions
    way = (camera.position - body[0]) * [1.0, 0.0, 1.0]
    distance = float(np.linalg.norm(way))
    way /= distance
    aside = np.array([way[2], 0.0, -way[0]])
    place = (body[0] + way * rng.uniform(0.85, max(0.9, min(1.4, 0.4 * distance)))) * [1.0, 0.0, 1.0]
    tall = float(body[:, 1].max())
    if rng.random() < 0.5:
        return _post(rng, place + aside * rng.uniform(-0.4, 0.4), float(tall * rng.uniform(0.6, 2.0)))
    radius, half = float(tall * rng.uniform(0.1, 0.22)), rng.uniform(0.2, 0.8)
    middle = place + aside * rng.uniform(-0.4, 0.4) + [0.0, radius, 0.0]
    return RoundCone(middle - half * aside, middle + half * aside, (radius, radius), draw_colour(rng))


def _develop(rng: np.random.Generator, image: FloatImage) -> NDArray[np.uint8]:
    """Exposure, the lens's blur and the sensor's noise; BGR bytes."""
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.45, 0.9)))
    image *= np.float32(rng.uniform(0.85, 1.15))
    image += sensor_noise(image.shape[0]) * np.float32(rng.uniform(0.004, 0.022))
    levels = cv2.convertScaleAbs(np.maximum(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), 0.0), alpha=255.0)
    curve = np.linspace(0.0, 1.0, 256) ** rng.uniform(0.8, 1.15)
    return cv2.LUT(levels, (curve * 255).astype(np.uint8))


def view_person(person: Person, number: int, camera: Camera, buffers: Buffers, owners: NDArray[np.intp]) -> PersonView:
    """What is seen of one person.

    Args:
        person: The person.
        number: Its number among the owners.
        camera: The camera.
        buffers: What the rays hit.
        owners: Number of the person seen at every pixel (H, W).
    """
    marks = person.marks
    pixels, depths = camera.project(marks.whole_body)
    joints, _ = camera.project(marks.mpii)
    head = np.concatenate([pixels[[0, 3, 4]], pixels[23:91], joints[9:10]])
    return PersonView(
        whole_body=pixels,
        visibility=keypoint_visibility(pixels, depths, marks.depths, number, buffers, owners),
        mpii=joints,
        mpii_visibility=_is_inside(joints, camera.size),
        head_box=np.stack([head.min(axis=0), head.max(axis=0)]),
        mask=owners == number,
    )


def keypoint_visibility(
    pixels: Array, depths: Array, allowed: Array, number: int, buffers: Buffers, owners: NDArray[np.intp]
) -> NDArray[np.int64]:
    """COCO's visibility of keypoints, from the depth buffer.

    A keypoint is the centre of a joint, so the person's own surface lies in front of it by up to ``allowed``; any
    surface of another person or a thing in front of it hides it.

    Args:
        pixels: Projections of the keypoints (N, 2).
        depths: Their depths (N,) in metres.
        allowed: How far in front of them the person's own surface may be, (N,) in metres.
        number: The person's number.
        buffers: What the rays hit.
        owners: Number of the person seen at every pixel (H, W).
    """
    size = len(owners)
    column, row = np.clip(np.round(pixels), 0, size - 1).astype(np.intp).T
    gap = depths - buffers.depth[row, column]
    is_seen = gap <= np.where(owners[row, column] == number, allowed, 0.0)
    return np.where(_is_inside(pixels, size), np.where(is_seen, VISIBLE, HIDDEN), OUTSIDE)


def _is_inside(pixels: Array, size: int) -> NDArray[np.bool_]:
    return np.asarray(((pixels >= 0) & (pixels <= size - 1)).all(axis=-1))
