"""People in a known place for the tests."""

from __future__ import annotations

import numpy as np

from distilpose.synthetic.body import build_body
from distilpose.synthetic.landmarks import Landmarks, find_landmarks
from distilpose.synthetic.people import Person, draw_look
from distilpose.synthetic.rasteriser import Buffers, Camera, ConeArrays, RoundCone, draw_cones, look_at, turn
from distilpose.synthetic.scene import PersonView, view_person
from distilpose.synthetic.skeleton import INDEX, JOINTS, SIDES, BodyShape, PosedSkeleton, forward_kinematics


def angles(**joints: tuple[float, float, float]) -> np.ndarray:
    """Anatomical angles (J, 3) in degrees, 0 except for the joints named."""
    result = np.zeros((len(JOINTS), 3))
    for name, values in joints.items():
        result[INDEX[name]] = values
    return result


def resting(shape: BodyShape | None = None, **joints: tuple[float, float, float]) -> PosedSkeleton:
    """A body at rest, with the pelvis at the origin, except for the joints named."""
    return forward_kinematics(angles(**joints), (shape or BodyShape()).offsets())


def marks_of(skeleton: PosedSkeleton, shape: BodyShape | None = None) -> Landmarks:
    return find_landmarks(skeleton, shape or BodyShape())


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
    look = draw_look(np.random.default_rng(0))
    marks = marks_of(skeleton, shape)
    cones = build_body(shape, skeleton, look, marks, owner=owner)
    return Person(shape, False, skeleton, marks, cones)


def front_camera(size: int = 160) -> Camera:
    """A camera five metres in front of the origin, at hip height, that sees a whole person."""
    return look_at(np.array([0.0, 0.9, 5.0]), np.array([0.0, 0.9, 0.0]), roll=0.0, focal=2.2 * size, size=size)


def seen(people: list[Person], *, things: list[RoundCone] | None = None, camera: Camera | None = None) -> tuple[
    list[PersonView], Buffers]:  # fmt: skip
    """What a camera sees of people, owner by owner, and the buffers."""
    camera = camera or front_camera()
    cones = [cone for one in people for cone in one.cones] + (things or [])
    buffers = draw_cones(ConeArrays.of(cones, camera), camera)
    owners = buffers.owners(cones)
    return [view_person(one, number, camera, buffers, owners) for number, one in enumerate(people)], buffers
