"""People in a known place for the tests."""

from __future__ import annotations

import numpy as np

from distilpose.synthetic.appearance import Appearance
from distilpose.synthetic.body import build_body
from distilpose.synthetic.camera import Camera, look_at, turn
from distilpose.synthetic.hands import HandShape
from distilpose.synthetic.landmarks import Landmarks, find_landmarks
from distilpose.synthetic.people import Person
from distilpose.synthetic.rasteriser import Buffers, LocalCones, draw_boxes, draw_cones
from distilpose.synthetic.scene import PersonView, view_person
from distilpose.synthetic.shading import owners_of
from distilpose.synthetic.skeleton import INDEX, JOINTS, BodyShape, PosedSkeleton, forward_kinematics
from distilpose.synthetic.solids import Box, RoundCones

SIDES = ('left', 'right')


def angles(**joints: tuple[float, float, float]) -> np.ndarray:
    """Anatomical angles (J, 3) in degrees, 0 except for the joints named."""
    result = np.zeros((len(JOINTS), 3))
    for name, values in joints.items():
        result[INDEX[name]] = values
    return result


def resting(shape: BodyShape | None = None, **joints: tuple[float, float, float]) -> PosedSkeleton:
    """A body at rest, with the pelvis at the origin, except for the joints named."""
    return forward_kinematics(angles(**joints), (shape or BodyShape()).offsets())


def stretched_hand() -> HandShape:
    return HandShape((0.0, 0.0, 0.0, 0.0), 4.0)


def marks_of(skeleton: PosedSkeleton, shape: BodyShape | None = None) -> Landmarks:
    return find_landmarks(skeleton, shape or BodyShape(), left_hand=stretched_hand(), right_hand=stretched_hand())


def person(
    *, heading: float = 0.0, place: tuple[float, float, float] = (0.0, 0.0, 0.0), owner: int = 0,
    **joints: tuple[float, float, float],
) -> Person:  # fmt: skip
    """A person of average build who stands on the ground and faces the +z axis turned by ``heading`` radians.

    The arms are spread a little, so that no part hides another from the front.
    """
    shape = BodyShape()
    spread = {f'{side}_shoulder': (0.0, 35.0, 0.0) for side in SIDES} | {
        f'{side}_hip': (0.0, 8.0, 0.0) for side in SIDES
    }
    skeleton = resting(shape, **(spread | joints))
    skeleton = skeleton.moved(turn(heading), np.array(place) + [0.0, 0.53 * shape.height, 0.0])
    look = Appearance.draw(np.random.default_rng(0), is_female=False)
    marks = marks_of(skeleton, shape)
    cones = build_body(shape, skeleton, look, marks, owner=owner)
    return Person(shape, look, 'standing', False, heading, skeleton, marks, cones)


def front_camera(size: int = 160) -> Camera:
    """A camera five metres in front of the origin, at hip height, that sees a whole person."""
    return look_at(np.array([0.0, 0.9, 5.0]), np.array([0.0, 0.9, 0.0]), roll=0.0, focal=2.2 * size, size=size)


def seen(people: list[Person], *, boxes: list[Box] | None = None, camera: Camera | None = None) -> tuple[
    list[PersonView], Buffers]:  # fmt: skip
    """What a camera sees of people, owner by owner, and the buffers."""
    camera = camera or front_camera()
    cones = RoundCones.joined([one.cones for one in people]).seen_by(camera)
    buffers = Buffers.empty(camera.size)
    draw_cones(buffers, cones, LocalCones.of(cones), camera)
    draw_boxes(buffers, boxes or [], len(cones), camera)
    owners = owners_of(buffers, cones)
    return [view_person(one, number, camera, buffers, owners) for number, one in enumerate(people)], buffers
