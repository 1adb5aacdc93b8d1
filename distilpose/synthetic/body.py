"""The body as round cones and ellipsoids: skin, clothes, hair and shoes on a posed skeleton."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .landmarks import CRANIUM, EAR, FACE_POINTS, JAW, LEFT_HAND, NOSE, RIGHT_HAND, Landmarks
from .rasteriser import RoundCone
from .skeleton import INDEX, SIDES, Array, BodyShape, PosedSkeleton, Vector

_FINGER_RADIUS = 0.0052
_FINGER_BONES = np.array([[1, 2], [2, 4], [5, 6], [6, 8], [9, 10], [10, 12], [13, 14], [14, 16], [17, 18], [18, 20]])


@dataclass(frozen=True)
class Look:
    """Skin, hair and clothes of one person; colours are RGB (3,) in [0, 1].

    Attributes:
        skin: Colour of the skin.
        hair: Colour of the hair.
        style: ``'short'``, ``'long'``, ``'bald'`` or ``'cap'``.
        cap: Colour of the cap.
        top: Colour of the top.
        stripes: Second colour of the top; ``None``: plain.
        sleeves: Share of the upper arm that they cover; 1: the whole arm.
        trousers: Colour of the trousers.
        legs: Share of the thigh that they cover; 1: the whole leg.
        shoes: Colour of the shoes.
        looseness: Width of the clothes, from 0 tight to 1 loose.
    """

    skin: Array
    hair: Array
    style: str
    cap: Array
    top: Array
    stripes: Array | None
    sleeves: float
    trousers: Array
    legs: float
    shoes: Array
    looseness: float


class _Body:
    """Collects the round cones of one person; lengths are fractions of the standing height."""

    def __init__(self, shape: BodyShape, skeleton: PosedSkeleton, owner: int) -> None:
        self.shape, self.skeleton, self.owner = shape, skeleton, owner
        self.parts: list[RoundCone] = []

    def cone(
        self, joint: str, start: Vector, end_joint: str, end: Vector, *, radii: tuple[float, float], colour: Array,
        width: float = 1.0, depth: float = 1.0, stripes: Array | None = None,
    ) -> None:  # fmt: skip
        """Add a round cone between points of two bones, squeezed sideways and in depth along the first bone's axes."""
        height = self.shape.height
        self.parts.append(RoundCone(
            start=self.skeleton.points(joint, height * np.array(start)),
            end=self.skeleton.points(end_joint, height * np.array(end)),
            radii=(height * radii[0], height * radii[1]),
            colour=colour,
            frame=self.skeleton.rotations[INDEX[joint]],
            scales=(width, 1.0, depth),
            owner=self.owner,
            stripes=stripes,
        ))  # fmt: skip

    def ellipsoid(self, joint: str, centre: Array, axes: Array, colour: Array) -> None:
        """Add an ellipsoid fixed to a bone."""
        x, y, z = (float(value) for value in axes)
        place = (float(centre[0]), float(centre[1]), float(centre[2]))
        self.cone(joint, place, joint, place, radii=(y, y), width=x / y, depth=z / y, colour=colour)


def _add_trunk(body: _Body, look: Look) -> None:
    g, loose = body.shape.girth, 0.004 * look.looseness
    wide = 0.5 * (1.0 + body.shape.hips)
    hem = look.top if look.looseness > 0.35 else look.trousers  # a loose top hangs over the hips
    body.cone('pelvis', (-0.030, 0.004, 0.0), 'pelvis', (0.030, 0.004, 0.0), radii=(0.060 * g, 0.060 * g),
              width=wide, depth=0.92, colour=look.trousers)  # fmt: skip
    for start, low, first, end, high, last, colour in (
        ('pelvis', 0.030, 0.079, 'spine', 0.020, 0.074, hem),
        ('spine', 0.010, 0.073, 'chest', 0.010, 0.077, look.top),
        ('chest', 0.005, 0.080, 'chest', 0.082, 0.070, look.top),
    ):
        body.cone(start, (0.0, low, 0.0), end, (0.0, high, 0.0), radii=(first * g + loose, last * g + loose),
                  depth=0.76, colour=colour, stripes=look.stripes if colour is look.top else None)  # fmt: skip
    body.cone('neck', (0.0, -0.016, 0.0), 'head', (0.0, 0.030, 0.0), radii=(0.033, 0.030), colour=look.skin)
    for side, s in zip(SIDES, (1.0, -1.0), strict=True):
        body.cone(f'{side}_clavicle', (s * 0.020, -0.022, -0.006), f'{side}_shoulder', (-s * 0.006, -0.010, 0.0),
                  radii=(0.042 * g, 0.032 * g), colour=look.top)  # fmt: skip
        body.cone('neck', (s * 0.012, -0.012, -0.008), f'{side}_shoulder', (-s * 0.020, 0.004, -0.002),
                  radii=(0.027 * g, 0.024 * g), colour=look.top)  # fmt: skip


def _add_arms(body: _Body, look: Look) -> None:
    g, is_long = body.shape.girth, look.sleeves == 1.0
    loose = (0.003 + 0.004 * look.looseness) * is_long
    colour, stripes = (look.top, look.stripes) if is_long else (look.skin, None)
    for side in SIDES:
        shoulder, elbow, wrist = f'{side}_shoulder', f'{side}_elbow', f'{side}_wrist'
        body.cone(shoulder, (0.0, 0.0, 0.0), elbow, (0.0, 0.0, 0.0), radii=(0.031 * g + loose, 0.0235 * g + loose),
                  colour=colour, stripes=stripes)  # fmt: skip
        body.cone(elbow, (0.0, 0.0, 0.0), wrist, (0.0, 0.006, 0.0), radii=(0.0240 * g + loose, 0.0160 * g + loose),
                  colour=colour, stripes=stripes)  # fmt: skip
        body.cone(wrist, (0.0, 0.010, 0.0), wrist, (0.0, -0.044, 0.0), radii=(0.0165, 0.0205), width=0.50,
                  colour=look.skin)  # fmt: skip
        if 0.0 < look.sleeves < 1.0:
            end = (0.0, -0.160 * body.shape.limbs * look.sleeves, 0.0)
            body.cone(shoulder, (0.0, 0.0, 0.0), shoulder, end, radii=(0.034 * g, 0.030 * g + 0.008 * look.looseness),
                      colour=look.top, stripes=look.stripes)  # fmt: skip


def _add_legs(body: _Body, look: Look) -> None:
    g, is_long = body.shape.girth, look.legs == 1.0
    loose = (0.002 + 0.007 * look.looseness) * is_long
    calf, colour = 0.0325 * g + loose, look.trousers if is_long else look.skin
    for side in SIDES:
        hip, knee, ankle = f'{side}_hip', f'{side}_knee', f'{side}_ankle'
        body.cone(hip, (0.0, -0.010, 0.0), knee, (0.0, 0.0, 0.0), radii=(0.050 * g, 0.033 * g + loose), colour=colour)
        body.cone(knee, (0.0, 0.0, 0.0), knee, (0.0, -0.070, -0.007), radii=(0.033 * g + loose, calf),
                  colour=colour)  # fmt: skip
        body.cone(knee, (0.0, -0.070, -0.007), ankle, (0.0, 0.0, -0.004), radii=(calf, 0.0195 * g + loose),
                  colour=colour)  # fmt: skip
        if not is_long:
            end = (0.0, -0.210 * body.shape.limbs * look.legs, 0.0)
            body.cone(hip, (0.0, -0.010, 0.0), hip, end, radii=(0.053 * g, 0.045 * g + 0.012 * look.looseness),
                      colour=look.trousers)  # fmt: skip
        body.cone(ankle, (0.0, -0.020, -0.018), ankle, (0.0, -0.0235, 0.078), radii=(0.0205, 0.0165), width=1.22,
                  colour=look.shoes)  # fmt: skip
        body.cone(ankle, (0.0, 0.002, -0.006), ankle, (0.0, -0.018, 0.030), radii=(0.0225, 0.0165), colour=look.shoes)


def _add_head(body: _Body, look: Look) -> None:
    k, skin = body.shape.head, look.skin
    nape, crown = ((0.0, 0.046, -0.015), (0.0385, 0.036, 0.031)), ((0.0, 0.080, 0.001), (0.0480, 0.0510, 0.0590))
    brim = ((0.0, 0.088, 0.066), (0.036, 0.0055, 0.036))
    blobs = [(*CRANIUM, skin), (*JAW, skin), (*NOSE, skin), (*EAR, skin), (EAR[0] * [-1.0, 1.0, 1.0], EAR[1], skin)]
    if look.style != 'bald':
        blobs.append((*np.array(nape), look.hair))
        blobs.append((*np.array(crown), look.cap if look.style == 'cap' else look.hair))
    if look.style == 'cap':
        blobs.append((*np.array(brim), look.cap))
    for eye in (slice(36, 42), slice(42, 48)):
        middle = FACE_POINTS[eye].mean(axis=0)
        blobs.append((middle, np.array([0.0068, 0.0036, 0.003]), np.full(3, 0.95)))
        blobs.append((middle + [0.0, 0.0, 0.0012], np.array([0.0032, 0.0032, 0.003]), np.full(3, 0.1)))
    mouth = FACE_POINTS[48:60]
    blobs.append((mouth.mean(axis=0), np.array([np.ptp(mouth[:, 0]) / 2, 0.0055, 0.003]), skin * [0.8, 0.55, 0.55]))
    for centre, axes, colour in blobs:
        body.ellipsoid('head', k * centre, k * axes, colour)
    for start, end in ((17, 21), (22, 26)):
        points = [tuple(k * FACE_POINTS[number]) for number in (start, end)]
        body.cone('head', points[0], 'head', points[1], radii=(0.002, 0.002), colour=0.6 * look.hair)
    if look.style == 'long':
        body.cone('head', (0.0, 0.072 * k, -0.014 * k), 'chest', (0.0, 0.125, -0.050), radii=(0.046 * k, 0.034),
                  depth=0.62, colour=look.hair)  # fmt: skip


def _add_fingers(body: _Body, look: Look, marks: Landmarks) -> None:
    radius = _FINGER_RADIUS * body.shape.height
    for part in (LEFT_HAND, RIGHT_HAND):
        for start, end in marks.whole_body[part][_FINGER_BONES]:
            body.parts.append(RoundCone(start, end, (radius, 0.85 * radius), look.skin, owner=body.owner))


def build_body(
    shape: BodyShape, skeleton: PosedSkeleton, look: Look, marks: Landmarks, *, owner: int
) -> list[RoundCone]:
    """The round cones of one person in world axes.

    Args:
        shape: The body.
        skeleton: The posed skeleton in world axes.
        look: Skin, hair and clothes.
        marks: The keypoints in world axes, which carry the fingers.
        owner: Number of the person in the scene.
    """
    body = _Body(shape, skeleton, owner)
    _add_trunk(body, look)
    _add_arms(body, look)
    _add_legs(body, look)
    _add_head(body, look)
    _add_fingers(body, look, marks)
    return body.parts
