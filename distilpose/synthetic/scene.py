"""One image: people, place, light and camera, rendered, with what can be seen of every person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .backdrop import Surroundings, floor_shadow, paint_backdrop
from .body import MATERIAL_COUNT, materials_of
from .camera import Camera, look_at, turn
from .people import Person, draw_people
from .props import Props, add_country, add_obstacle, add_room, add_seat
from .rasteriser import Buffers, FloatImage, LocalCones, draw_boxes, draw_cones
from .shading import Light, Wardrobe, owners_of, shade
from .skeleton import Array
from .solids import RoundCones
from .textures import sensor_noise

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
        family: Family of the pose.
    """

    whole_body: Array
    visibility: NDArray[np.int64]
    mpii: Array
    mpii_visibility: NDArray[np.bool_]
    head_box: Array
    mask: NDArray[np.bool_]
    family: str


@dataclass(frozen=True)
class View:
    """A rendered image, BGR (H, W, 3) bytes, and its people."""

    image: NDArray[np.uint8]
    people: list[PersonView]


def render_scene(rng: np.random.Generator, *, size: int) -> View:
    """Draw a scene and render it.

    Args:
        rng: Source of chance; the view is a function of its state and of ``size``.
        size: Side of the image in pixels, an even number.
    """
    towards = turn(rng.uniform(-np.pi, np.pi))[:, 2]
    people = draw_people(rng, towards)
    camera = _draw_camera(rng, people, towards, size=size)
    light = _draw_light(rng, towards)
    place = Surroundings.draw(rng, behind=float(rng.uniform(1.1, 3.2)), towards=towards)
    props = _draw_props(rng, people, place, camera, towards)
    image, buffers, cones = _render(rng, people, props, place, light, camera)
    owners = owners_of(buffers, cones)
    views = [view_person(person, number, camera, buffers, owners) for number, person in enumerate(people)]
    return View(_develop(rng, image), views)


def _draw_camera(rng: np.random.Generator, people: Sequence[Person], towards: Array, *, size: int) -> Camera:
    """A camera at eye, hip or overhead height that frames the people, now and then too closely."""
    points = np.concatenate([person.marks.whole_body for person in people])
    low, high = points.min(axis=0), points.max(axis=0)
    distance = rng.uniform(2.6, 6.5) + 0.5 * float(np.linalg.norm((high - low)[[0, 2]]))
    yaw = turn(rng.normal(0.0, 0.25))
    position = 0.5 * (low + high) * [1, 0, 1] + distance * (yaw @ towards)
    position[1] = float(np.clip(rng.normal(1.35, 0.45), 0.35, 2.9))
    target = 0.5 * (low + high)
    camera = look_at(position, target, roll=rng.normal(0.0, 0.035), focal=float(size), size=size)
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
    yaw = turn(rng.uniform(-1.9, 1.9)) @ towards
    height = rng.uniform(0.5, 1.6)
    direction = yaw + np.array([0.0, height, 0.0])
    warmth = rng.normal(0.0, 0.05)
    strength = rng.uniform(0.50, 0.90)
    ambient = rng.uniform(0.38, 0.62)
    return Light(
        direction=direction / np.linalg.norm(direction),
        colour=strength * np.array([1.0 + warmth, 1.0, 1.0 - warmth]),
        sky=ambient * np.array([0.97 - 0.5 * warmth, 1.0, 1.04 + 0.5 * warmth]),
        ground=0.6 * ambient * np.array([1.03, 1.0, 0.95]),
    )


def _draw_props(
    rng: np.random.Generator, people: Sequence[Person], place: Surroundings, camera: Camera, towards: Array
) -> Props:
    props = Props()
    for person in people:
        if person.has_seat:
            add_seat(props, rng, person.shape, person.skeleton, person.heading)
    if place.is_indoor:
        add_room(props, rng, place.wall_normal, place.wall_offset)
    else:
        add_country(props, rng, towards)
    if rng.random() < _OBSTACLE_SHARE:
        target = people[int(rng.integers(len(people)))].skeleton.positions
        add_obstacle(props, rng, camera.position, target[0], float(target[:, 1].max()))
    return props


def _render(
    rng: np.random.Generator, people: Sequence[Person], props: Props, place: Surroundings, light: Light, camera: Camera
) -> tuple[FloatImage, Buffers, RoundCones]:
    """The image, RGB (H, W, 3) about in [0, 1], what the rays hit, and the round cones in camera axes."""
    bodies = RoundCones.joined([person.cones for person in people])
    world = RoundCones.joined([bodies, props.cones(MATERIAL_COUNT * len(people))])
    cones = world.seen_by(camera)
    local = LocalCones.of(cones)
    buffers = Buffers.empty(camera.size)
    draw_cones(buffers, cones, local, camera)
    normals, colours = draw_boxes(buffers, props.boxes, len(cones), camera)
    wardrobe = Wardrobe(
        cones=cones,
        local=local,
        materials=[material for person in people for material in materials_of(person.look)] + props.materials,
        faces=[person.look.face for person in people],
        shapes=[person.shape for person in people],
        box_normals=normals,
        box_colours=colours,
    )
    image = _paint_place(rng, bodies, place, light, camera)
    shade(image, buffers, wardrobe, light, camera)
    return image, buffers, cones


def _paint_place(
    rng: np.random.Generator, bodies: RoundCones, place: Surroundings, light: Light, camera: Camera
) -> FloatImage:
    """The backdrop with shadows; at half the resolution, since the lens is focused on the people."""
    half = camera.halved()
    shadow = floor_shadow(
        bodies, half, light, strength=float(rng.uniform(0.25, 0.55)), softness=float(rng.uniform(0.8, 2.5))
    )
    return cv2.resize(paint_backdrop(place, half, light, shadow), (camera.size, camera.size))


def _develop(rng: np.random.Generator, image: FloatImage) -> NDArray[np.uint8]:
    """Exposure, the lens's blur and the sensor's noise; BGR bytes."""
    blur = float(rng.uniform(0.45, 0.9))
    image = cv2.GaussianBlur(image, (0, 0), blur)
    image *= np.float32(rng.uniform(0.85, 1.15))
    image += sensor_noise(image.shape[0]) * np.float32(rng.uniform(0.004, 0.022))
    image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    curve = np.linspace(0.0, 1.0, 256) ** rng.uniform(0.8, 1.15)
    return cv2.LUT(cv2.convertScaleAbs(np.maximum(image, 0.0, out=image), alpha=255.0), (curve * 255).astype(np.uint8))


def view_person(person: Person, number: int, camera: Camera, buffers: Buffers, owners: NDArray[np.int16]) -> PersonView:
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
    head, _ = camera.project(np.concatenate([marks.whole_body[[0, 3, 4]], marks.whole_body[23:91], marks.mpii[9:10]]))
    visibility = keypoint_visibility(pixels, depths, marks.depths, number, buffers, owners)
    return PersonView(
        whole_body=pixels,
        visibility=visibility,
        mpii=joints,
        mpii_visibility=_is_inside(joints, camera.size),
        head_box=np.stack([head.min(axis=0), head.max(axis=0)]),
        mask=owners == number,
        family=person.family,
    )


def keypoint_visibility(
    pixels: Array, depths: Array, allowed: Array, number: int, buffers: Buffers, owners: NDArray[np.int16]
) -> NDArray[np.int64]:
    """COCO's visibility of keypoints, from the depth buffer.

    A keypoint is the centre of a joint, so the person's own surface lies in front of it by up to ``allowed``; any
    surface of somebody or something else in front of it hides it.

    Args:
        pixels: Where the keypoints (N, 2) are projected.
        depths: Their depths (N,) in metres.
        allowed: How far in front of them the person's own surface may be, (N,) in metres.
        number: The person's number.
        buffers: What the rays hit.
        owners: Number of the person seen at every pixel (H, W).
    """
    size = len(owners)
    column, row = np.clip(np.round(pixels), 0, size - 1).astype(np.intp).T
    gap = depths - buffers.depth[row, column]
    is_own = owners[row, column] == number
    is_seen = gap <= np.where(is_own, allowed, 0.0)
    return np.where(_is_inside(pixels, size), np.where(is_seen, VISIBLE, HIDDEN), OUTSIDE)


def _is_inside(pixels: Array, size: int) -> NDArray[np.bool_]:
    return np.asarray(((pixels >= 0) & (pixels <= size - 1)).all(axis=-1))
