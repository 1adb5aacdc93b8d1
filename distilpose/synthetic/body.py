"""The body as round cones: flesh, clothes, hair and shoes hung on a posed skeleton."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .appearance import Appearance, Bottoms, Hair, Material, Pattern, Sleeves
from .hands import FINGER_RADIUS
from .head import CRANIUM, EAR, JAW, NOSE
from .landmarks import LEFT_HAND, RIGHT_HAND, Landmarks
from .skeleton import INDEX, Array, BodyShape, PosedSkeleton, forward_kinematics
from .solids import RoundCones

SKIN, HAIR, TOP, LEGWEAR, SHOES, FACE, HEADWEAR = range(7)
MATERIAL_COUNT = 7

Vector = tuple[float, float, float]
_SIGNS = (('left', 1.0), ('right', -1.0))


def materials_of(look: Appearance) -> list[Material]:
    """The materials of one person, in the order of the constants above."""
    skin = Material(look.skin, look.skin)
    face = Material(look.skin, look.skin, Pattern.FACE)
    hair = Material(look.hair_colour, look.hair_colour)
    headwear = Material(look.headwear, look.headwear, is_cloth=True)
    return [skin, hair, look.top, look.legwear, look.shoes, face, headwear]


@dataclass
class BodyBuilder:
    """Collects the round cones of one person; lengths are fractions of the standing height until :meth:`finish`.

    Attributes:
        shape: The body.
        skeleton: The posed skeleton in world axes.
        look: Clothes and colours.
        marks: The keypoints, which carry the fingers.
    """

    shape: BodyShape
    skeleton: PosedSkeleton
    look: Appearance
    marks: Landmarks
    _joints: list[tuple[int, int, int]] = field(default_factory=list)
    _offsets: list[tuple[Vector, Vector]] = field(default_factory=list)
    _sizes: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    _tags: list[tuple[int, bool]] = field(default_factory=list)

    def cone(
        self,
        joint: str,
        start: Vector,
        end_joint: str,
        end: Vector,
        *,
        radii: tuple[float, float],
        material: int,
        width: float = 1.0,
        depth: float = 1.0,
        capped: bool = True,
    ) -> None:
        """Add a round cone between two points of bones, squeezed sideways and in depth along the first bone's axes."""
        self._joints.append((INDEX[joint], INDEX[end_joint], INDEX[joint]))
        self._offsets.append((start, end))
        self._sizes.append((*radii, width, 1.0, depth))
        self._tags.append((material, capped))

    def ellipsoid(self, joint: str, centre: Vector, axes: Vector, *, material: int) -> None:
        """Add an ellipsoid fixed to a bone."""
        self._joints.append((INDEX[joint],) * 3)
        self._offsets.append((centre, centre))
        self._sizes.append((axes[1], axes[1], axes[0] / axes[1], 1.0, axes[2] / axes[1]))
        self._tags.append((material, True))

    def finish(self, owner: int) -> RoundCones:
        """The collected round cones with the fingers and the skirt, as person number ``owner``."""
        joints, offsets = np.array(self._joints), self.shape.height * np.array(self._offsets)
        sizes = np.array(self._sizes)
        rest = forward_kinematics(np.zeros((len(INDEX), 3)), self.shape.offsets())
        count = len(joints)
        cones = RoundCones(
            starts=self.skeleton.points(joints[:, 0], offsets[:, 0]),
            ends=self.skeleton.points(joints[:, 1], offsets[:, 1]),
            radii=self.shape.height * sizes[:, :2],
            frames=self.skeleton.rotations[joints[:, 2]],
            scales=sizes[:, 2:],
            anchors=rest.positions[joints[:, 0]] + offsets[:, 0],
            materials=np.array([tag[0] for tag in self._tags]) + owner * MATERIAL_COUNT,
            owners=np.full(count, owner),
            capped=np.array([tag[1] for tag in self._tags]),
        )
        extra = [_fingers(self, owner)]
        if self.look.bottoms == Bottoms.SKIRT:
            extra.append(_skirt(self, owner))
        return RoundCones.joined([cones, *extra])


def _trunk(body: BodyBuilder) -> None:
    g, belly = body.shape.girth, body.shape.belly
    loose = 0.004 * body.look.looseness
    lower = TOP if body.look.looseness > 0.35 else LEGWEAR  # a loose top hangs over the hips
    body.cone('pelvis', (-0.030, 0.004, 0.0), 'pelvis', (0.030, 0.004, 0.0),
              radii=(0.058 * g, 0.058 * g), depth=0.92, material=LEGWEAR)  # fmt: skip
    body.cone('pelvis', (0.0, 0.030, 0.0), 'spine', (0.0, 0.020, 0.002),
              radii=(0.079 * g + loose, 0.074 * g * belly + loose), depth=0.76, material=lower)  # fmt: skip
    body.cone('spine', (0.0, 0.010, 0.002), 'chest', (0.0, 0.010, 0.0),
              radii=(0.073 * g * belly + loose, 0.077 * g + loose), depth=0.76, material=TOP)  # fmt: skip
    body.cone('chest', (0.0, 0.005, 0.0), 'chest', (0.0, 0.082, -0.004), radii=(0.078 * g + loose, 0.068 * g + loose),
              depth=0.76, width=1.08, material=TOP)  # fmt: skip
    body.cone(
        'neck', (0.0, -0.016, 0.0), 'head', (0.0, 0.030, 0.0), radii=(0.033 * g**0.5, 0.030 * g**0.5), material=SKIN
    )
    for side, s in _SIGNS:
        body.cone(f'{side}_clavicle', (s * 0.020, -0.022, -0.006), f'{side}_shoulder', (-s * 0.006, -0.010, 0.0),
                  radii=(0.042 * g, 0.032 * g), material=TOP)  # fmt: skip
        body.cone('neck', (s * 0.012, -0.012, -0.008), f'{side}_shoulder', (-s * 0.020, 0.004, -0.002),
                  radii=(0.027 * g, 0.024 * g), material=TOP)  # fmt: skip
        body.ellipsoid('pelvis', (s * 0.034, -0.022, -0.026), (0.044 * g, 0.046 * g, 0.040 * g), material=LEGWEAR)
        if body.shape.is_female:
            body.ellipsoid('chest', (s * 0.036, 0.050, 0.040 * g), (0.036 * g, 0.035 * g, 0.032 * g), material=TOP)


def _arms(body: BodyBuilder) -> None:
    g = body.shape.girth * (0.9 if body.shape.is_female else 1.0)
    sleeves, loose = body.look.sleeves, 0.003 + 0.004 * body.look.looseness
    long = 0.178 * body.shape.arms
    upper = TOP if sleeves == Sleeves.LONG else SKIN
    more = loose if sleeves == Sleeves.LONG else 0.0
    for side, _ in _SIGNS:
        shoulder, elbow, wrist = f'{side}_shoulder', f'{side}_elbow', f'{side}_wrist'
        body.cone(shoulder, (0.0, 0.0, 0.0), elbow, (0.0, 0.0, 0.0),
                  radii=(0.031 * g + more, 0.0235 * g + more), material=upper)  # fmt: skip
        body.cone(elbow, (0.0, 0.0, 0.0), wrist, (0.0, 0.006, 0.0),
                  radii=(0.0240 * g + more, 0.0160 * g + more), material=upper)  # fmt: skip
        if sleeves == Sleeves.LONG:
            body.cone(elbow, (0.0, -0.05, 0.0), wrist, (0.0, -0.004, 0.0), radii=(0.015, 0.0155 * g), material=SKIN)
        elif sleeves == Sleeves.SHORT:
            at = -long * (0.5 + 0.25 * body.look.looseness)
            wide = 0.033 * g + loose
            body.ellipsoid(shoulder, (0.0, 0.0, 0.0), (wide, wide, wide), material=TOP)
            body.cone(shoulder, (0.0, 0.0, 0.0), shoulder, (0.0, at, 0.0), radii=(wide, 0.0285 * g + 1.6 * loose),
                      material=TOP, capped=False)  # fmt: skip
        else:
            body.ellipsoid(shoulder, (0.0, 0.0, 0.0), (0.032 * g, 0.032 * g, 0.032 * g), material=SKIN)
        body.cone(
            wrist, (0.0, -0.008, 0.0), wrist, (0.0, -0.044, 0.0), radii=(0.0165, 0.0205), width=0.50, material=SKIN
        )


def _legs(body: BodyBuilder) -> None:
    g = body.shape.girth
    look, loose = body.look, 0.004 + 0.006 * body.look.looseness
    covered = look.bottoms in (Bottoms.TROUSERS, Bottoms.LEGGINGS)
    more = loose if look.bottoms == Bottoms.TROUSERS else 0.0
    skin = LEGWEAR if covered else SKIN
    long = 0.240 * body.shape.legs
    for side, s in _SIGNS:
        hip, knee, ankle = f'{side}_hip', f'{side}_knee', f'{side}_ankle'
        body.cone(
            hip,
            (s * 0.002, -0.010, 0.0),
            knee,
            (0.0, 0.0, 0.0),
            radii=(0.050 * g, 0.033 * g + 0.6 * more),
            material=skin,
        )
        if look.bottoms == Bottoms.TROUSERS:
            body.cone(knee, (0.0, 0.0, 0.0), ankle, (0.0, -0.006, 0.0),
                      radii=(0.033 * g + 0.6 * more, 0.026 * g + more), material=LEGWEAR)  # fmt: skip
        else:
            body.cone(knee, (0.0, 0.0, 0.0), knee, (0.0, -0.070, -0.007), radii=(0.032 * g, 0.0325 * g), material=skin)
            body.cone(
                knee, (0.0, -0.070, -0.007), ankle, (0.0, 0.0, -0.004), radii=(0.0325 * g, 0.0195 * g), material=skin
            )
        if not covered:
            body.ellipsoid(hip, (s * 0.002, -0.010, 0.0), (0.052 * g, 0.052 * g, 0.052 * g), material=LEGWEAR)
        if look.bottoms == Bottoms.SHORTS:
            end = -long * (0.45 + 0.4 * look.looseness)
            body.cone(hip, (s * 0.002, -0.010, 0.0), hip, (0.0, end, 0.0),
                      radii=(0.051 * g + loose, 0.043 * g + 1.6 * loose), material=LEGWEAR, capped=False)  # fmt: skip
        body.cone(ankle, (0.0, -0.020, -0.018), ankle, (s * 0.002, -0.0235, 0.078), radii=(0.0205, 0.0165), width=1.22,
                  material=SHOES)  # fmt: skip
        body.cone(ankle, (0.0, 0.002, -0.006), ankle, (0.0, -0.018, 0.030), radii=(0.0225, 0.0165), material=SHOES)


def _head(body: BodyBuilder) -> None:
    k = body.shape.head

    def blob(centre: Array | Vector, axes: Array | Vector, material: int) -> None:
        body.ellipsoid('head', (k * centre[0], k * centre[1], k * centre[2]), (k * axes[0], k * axes[1], k * axes[2]),
                       material=material)  # fmt: skip

    blob(CRANIUM[0], CRANIUM[1], FACE)
    blob(JAW[0], JAW[1], FACE)
    blob(NOSE[0], NOSE[1], SKIN)
    for _, s in _SIGNS:
        blob((s * EAR[0][0], EAR[0][1], EAR[0][2]), EAR[1], SKIN)
    style = body.look.hair
    if style == Hair.BALD:
        return
    blob((0.0, 0.046, -0.015), (0.0385, 0.036, 0.031), HAIR)  # nape
    if style in (Hair.CAP, Hair.HAT):
        blob((0.0, 0.082, 0.003), (0.0495, 0.048, 0.061), HEADWEAR)
        brim = (
            ((0.0, 0.088, 0.066), (0.036, 0.0055, 0.036))
            if style == Hair.CAP
            else ((0.0, 0.092, 0.004), (0.086, 0.006, 0.092))
        )
        blob(*brim, HEADWEAR)
        return
    full = 1.0 if style != Hair.AFRO else 1.32
    blob(
        (0.0, 0.078 + 0.006 * (full > 1), 0.0015 - 0.010 * (full > 1)),
        (0.0475 * full, 0.0525 * full**0.6, 0.0585 * full),
        HAIR,
    )
    if style == Hair.BUN:
        blob((0.0, 0.118, -0.042), (0.024, 0.022, 0.024), HAIR)
    elif style == Hair.TAIL:
        body.cone(
            'head', (0.0, 0.085 * k, -0.052 * k), 'head', (0.0, -0.020, -0.078), radii=(0.017, 0.009), material=HAIR
        )
    elif style == Hair.LONG:
        body.cone('head', (0.0, 0.072 * k, -0.014 * k), 'chest', (0.0, 0.125, -0.050),
                  radii=(0.046 * k, 0.034), depth=0.62, material=HAIR)  # fmt: skip
        for _, s in _SIGNS:
            body.cone('head', (s * 0.037 * k, 0.075 * k, -0.004 * k), 'head', (s * 0.040 * k, -0.012, -0.006),
                      radii=(0.0145, 0.012), material=HAIR)  # fmt: skip


def _fingers(body: BodyBuilder, owner: int) -> RoundCones:
    starts, ends, frames = [], [], []
    for side, part in (('left', LEFT_HAND), ('right', RIGHT_HAND)):
        points = body.marks.whole_body[part]
        roots = np.array([1, 2, 5, 6, 9, 10, 13, 14, 17, 18])
        tips = np.array([2, 4, 6, 8, 10, 12, 14, 16, 18, 20])
        starts.append(points[roots])
        ends.append(points[tips])
        frames.append(np.broadcast_to(body.skeleton.rotations[INDEX[f'{side}_wrist']], (len(roots), 3, 3)))
    count = sum(len(part) for part in starts)
    radius = FINGER_RADIUS * body.shape.height * np.where(np.arange(count) % 10 < 2, 1.25, 1.0)
    return RoundCones(
        starts=np.concatenate(starts),
        ends=np.concatenate(ends),
        radii=np.stack([radius, 0.85 * radius], axis=1),
        frames=np.concatenate(frames),
        scales=np.ones((count, 3)),
        anchors=np.zeros((count, 3)),
        materials=np.full(count, SKIN + owner * MATERIAL_COUNT),
        owners=np.full(count, owner),
        capped=np.ones(count, bool),
    )


def _skirt(body: BodyBuilder, owner: int) -> RoundCones:
    """A cone from the waist around both thighs, as wide as they need."""
    height, skeleton = body.shape.height, body.skeleton
    reach = 0.55 + 0.40 * body.look.looseness
    hips = skeleton.positions[[INDEX['left_hip'], INDEX['right_hip']]]
    knees = skeleton.positions[[INDEX['left_knee'], INDEX['right_knee']]]
    hems = hips + reach * (knees - hips)
    waist = skeleton.points(np.array([INDEX['pelvis']]), height * np.array([[0.0, 0.045, 0.0]]))[0]
    hem = hems.mean(axis=0)
    up = (waist - hem) / np.linalg.norm(waist - hem)
    side = skeleton.rotations[0, :, 0]
    side = side - (side @ up) * up
    side /= np.linalg.norm(side)
    frame = np.stack([side, up, np.cross(side, up)], axis=1)
    half = np.abs(0.5 * (hems[0] - hems[1]) @ frame) + height * 0.056 * body.shape.girth
    radii = np.array([0.076 * height * body.shape.girth, half[0]])
    return RoundCones(
        starts=waist[None],
        ends=hem[None],
        radii=radii[None],
        frames=frame[None],
        scales=np.array([[1.0, 1.0, float(np.clip(half[2] / half[0], 0.70, 1.25))]]),
        anchors=np.array([[0.0, 0.045 * height, 0.0]]),
        materials=np.array([LEGWEAR + owner * MATERIAL_COUNT]),
        owners=np.array([owner]),
        capped=np.array([False]),
    )


def build_body(
    shape: BodyShape, skeleton: PosedSkeleton, look: Appearance, marks: Landmarks, *, owner: int
) -> RoundCones:
    """The round cones of one person in world axes.

    Args:
        shape: The body.
        skeleton: The posed skeleton in world axes.
        look: Clothes and colours.
        marks: The keypoints in world axes.
        owner: Number of the person in the scene.
    """
    body = BodyBuilder(shape, skeleton, look, marks)
    _trunk(body)
    _arms(body)
    _legs(body)
    _head(body)
    return body.finish(owner)
