"""What people look like: skin, hair, clothes and their colours, and the picture on the front of the head."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np

from .head import CHIN, EYE_HEIGHT, MOUTH_HEIGHT, TOP, face_outline
from .rasteriser import FloatImage
from .skeleton import Array

SKIN_TONES = np.array([
    [0.98, 0.84, 0.74], [0.95, 0.79, 0.67], [0.89, 0.71, 0.57], [0.80, 0.61, 0.46], [0.68, 0.49, 0.36],
    [0.54, 0.37, 0.26], [0.42, 0.28, 0.20],
])  # fmt: skip
HAIR_COLOURS = np.array([
    [0.10, 0.08, 0.07], [0.20, 0.13, 0.09], [0.33, 0.21, 0.13], [0.52, 0.36, 0.20], [0.80, 0.66, 0.40],
    [0.55, 0.24, 0.12], [0.62, 0.61, 0.60],
])  # fmt: skip
FACE_SIZE = 128
FACE_HALF_ANGLE = 120.0  # degrees of longitude to either side that the picture of the face covers


class Pattern(IntEnum):
    """How a material is coloured; the second colour goes where the pattern says."""

    PLAIN = 0
    HOOPS = 1  # stripes around
    STRIPES = 2  # stripes along
    CHECKS = 3
    DOTS = 4
    OPEN_FRONT = 5  # a jacket that shows the shirt
    PRINT = 6  # a patch on the chest
    SOLE = 7  # a shoe with a sole
    FACE = 8


class Sleeves(IntEnum):
    """How far the sleeves reach."""

    NONE = 0
    SHORT = 1
    LONG = 2


class Bottoms(IntEnum):
    """What is worn on the legs."""

    TROUSERS = 0
    SHORTS = 1
    SKIRT = 2
    LEGGINGS = 3


class Hair(IntEnum):
    """Hair styles and headwear."""

    SHORT = 0
    BALD = 1
    LONG = 2
    BUN = 3
    TAIL = 4
    AFRO = 5
    CAP = 6
    HAT = 7


@dataclass(frozen=True)
class Material:
    """A colour (3,) in [0, 1], a second one, and where the second one goes.

    Attributes:
        colour: Main colour.
        second: Second colour.
        pattern: Where the second one goes.
        repeats: Repetitions of the pattern per metre.
        is_cloth: Whether it has the slight folds of cloth.
    """

    colour: Array
    second: Array
    pattern: Pattern = Pattern.PLAIN
    repeats: float = 20.0
    is_cloth: bool = False


@dataclass(frozen=True)
class Appearance:
    """Everything visible about one person apart from shape and pose."""

    skin: Array
    hair_colour: Array
    hair: Hair
    has_beard: bool
    has_glasses: bool
    top: Material
    sleeves: Sleeves
    bottoms: Bottoms
    legwear: Material
    shoes: Material
    headwear: Array
    looseness: float
    face: FloatImage

    @staticmethod
    def draw(rng: np.random.Generator, *, is_female: bool) -> Appearance:
        """Draw a person's looks."""
        tone = rng.uniform(0, len(SKIN_TONES) - 1)
        low = int(tone)
        skin = SKIN_TONES[low] + (tone - low) * (SKIN_TONES[min(low + 1, len(SKIN_TONES) - 1)] - SKIN_TONES[low])
        is_dark = tone > 3.5
        colours = HAIR_COLOURS[:3] if is_dark else HAIR_COLOURS
        hair_colour = np.clip(colours[rng.integers(len(colours))] + rng.normal(0, 0.02, 3), 0.03, 1.0)
        hair = _draw_hair(rng, is_female=is_female, is_dark=is_dark)
        has_beard, has_glasses = not is_female and rng.random() < 0.3, rng.random() < 0.14
        bottoms = _draw_bottoms(rng, is_female=is_female)
        return Appearance(
            skin=skin,
            hair_colour=hair_colour,
            hair=hair,
            has_beard=has_beard,
            has_glasses=has_glasses,
            top=_draw_top(rng),
            sleeves=Sleeves(int(rng.choice(3, p=[0.14, 0.44, 0.42]))),
            bottoms=bottoms,
            legwear=_draw_legwear(rng, bottoms),
            shoes=_draw_shoes(rng),
            headwear=_cloth_colour(rng),
            looseness=float(rng.uniform(0.0, 1.0)),
            face=draw_face(rng, skin, hair_colour, has_beard=has_beard, has_glasses=has_glasses, is_female=is_female),
        )


def _draw_hair(rng: np.random.Generator, *, is_female: bool, is_dark: bool) -> Hair:
    if is_female:
        shares = [0.18, 0.01, 0.36, 0.14, 0.18, 0.05 + 0.12 * is_dark, 0.04, 0.04]
    else:
        shares = [0.62, 0.10, 0.05, 0.02, 0.02, 0.02 + 0.10 * is_dark, 0.11, 0.06]
    return Hair(int(rng.choice(len(shares), p=np.array(shares) / sum(shares))))


def _cloth_colour(rng: np.random.Generator) -> Array:
    """A colour of cloth: greys, navy and earth tones are common, bright ones less so."""
    kind = rng.random()
    if kind < 0.3:
        return np.clip(rng.choice([0.12, 0.25, 0.45, 0.7, 0.92]) + rng.normal(0, 0.02, 3), 0.05, 0.97)
    hue, saturation = rng.uniform(0, 180), rng.uniform(0.25, 0.85)
    value = rng.uniform(0.25, 0.95)
    pixel = np.array([[[hue, 255 * saturation, 255 * value]]], np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64) / 255.0


def _draw_bottoms(rng: np.random.Generator, *, is_female: bool) -> Bottoms:
    shares = [0.38, 0.18, 0.26, 0.18] if is_female else [0.68, 0.32, 0.0, 0.0]
    return Bottoms(int(rng.choice(4, p=shares)))


def _draw_top(rng: np.random.Generator) -> Material:
    pattern = Pattern(int(rng.choice(7, p=[0.46, 0.14, 0.06, 0.09, 0.05, 0.10, 0.10])))
    return Material(_cloth_colour(rng), _cloth_colour(rng), pattern, float(rng.uniform(8, 22)), is_cloth=True)


def _draw_legwear(rng: np.random.Generator, bottoms: Bottoms) -> Material:
    jeans = np.array(
        [[0.16, 0.22, 0.36], [0.30, 0.40, 0.58], [0.12, 0.12, 0.14], [0.62, 0.54, 0.40], [0.35, 0.33, 0.30]]
    )
    if bottoms in (Bottoms.TROUSERS, Bottoms.LEGGINGS) and rng.random() < 0.7:
        colour = np.clip(jeans[rng.integers(len(jeans))] + rng.normal(0, 0.03, 3), 0.04, 1.0)
    else:
        colour = _cloth_colour(rng)
    is_patterned = bottoms in (Bottoms.SKIRT, Bottoms.SHORTS) and rng.random() < 0.35
    pattern = Pattern(int(rng.choice([1, 2, 3, 4]))) if is_patterned else Pattern.PLAIN
    return Material(colour, _cloth_colour(rng), pattern, float(rng.uniform(8, 20)), is_cloth=True)


def _draw_shoes(rng: np.random.Generator) -> Material:
    colour = _cloth_colour(rng) if rng.random() < 0.5 else np.array([0.12, 0.11, 0.11]) * rng.uniform(0.8, 2.2)
    sole = np.full(3, 0.9) if rng.random() < 0.5 else np.full(3, 0.1)
    return Material(colour, sole, Pattern.SOLE)


def face_pixel(longitude: Array, height: Array) -> Array:
    """Column and row (N, 2) in the picture of the face, for degrees (N,) and fractions of the height (N,)."""
    column = (0.5 + 0.5 * longitude / FACE_HALF_ANGLE) * (FACE_SIZE - 1)
    row = (TOP - height) / (TOP - CHIN) * (FACE_SIZE - 1)
    return np.stack([column, row], axis=-1)


def draw_face(
    rng: np.random.Generator, skin: Array, hair: Array, *, has_beard: bool, has_glasses: bool, is_female: bool
) -> FloatImage:
    """Paint the skin of the head, unrolled around its axis.

    Returns:
        RGB in [0, 1], (:data:`FACE_SIZE`, :data:`FACE_SIZE`, 3); columns are longitudes, rows are heights.
    """
    picture = np.empty((FACE_SIZE, FACE_SIZE, 3), np.float32)
    picture[:] = skin
    outline = face_pixel(*face_outline().T)

    def fill(points: Array, colour: Array) -> None:
        around = np.round(points * 16).astype(np.int32)
        cv2.fillPoly(picture, [around], colour.tolist(), lineType=cv2.LINE_AA, shift=4)

    def stroke(points: Array, colour: Array, width: int, is_closed: bool = False) -> None:
        around = np.round(points * 16).astype(np.int32)
        cv2.polylines(picture, [around], is_closed, colour.tolist(), width, cv2.LINE_AA, shift=4)

    if has_beard:
        _paint_beard(picture, skin, hair)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.6)
    cheeks = np.clip(skin * np.array([1.02, 0.86, 0.82]), 0, 1)
    shade = skin * 0.78
    for eye, brow in ((slice(36, 42), slice(17, 22)), (slice(42, 48), slice(22, 27))):
        middle = outline[eye].mean(axis=0)
        fill(middle + (outline[eye] - middle) * [1.45, 2.1], shade)
        fill(middle + (outline[eye] - middle) * [1.1, 1.3], np.full(3, 0.96))
        iris = np.array([0.22, 0.14, 0.08]) if rng.random() < 0.7 else np.array([0.25, 0.38, 0.45])
        cv2.circle(
            picture, tuple(np.round(middle * 16).astype(int).tolist()), 40, iris.tolist(), -1, cv2.LINE_AA, shift=4
        )
        cv2.circle(
            picture, tuple(np.round(middle * 16).astype(int).tolist()), 18, (0.03, 0.03, 0.03), -1, cv2.LINE_AA, shift=4
        )
        lid = outline[eye][:4]
        stroke(middle + (lid - middle) * [1.2, 1.5], skin * (0.25 if is_female else 0.45), 2 if is_female else 1)
        stroke(outline[brow], 0.5 * hair + 0.1 * skin, 3)
    mouth, inner = outline[48:60], outline[60:68]
    lips = np.clip(skin * np.array([0.86, 0.58, 0.58]) if is_female else skin * np.array([0.84, 0.66, 0.64]), 0, 1)
    fill(mouth, lips)
    stroke(np.concatenate([inner[:1], inner[1:4], inner[4:5]]), lips * 0.45, 1)
    if rng.random() < 0.3:
        fill(inner.mean(axis=0) + (inner - inner.mean(axis=0)) * [0.9, 2.0], np.full(3, 0.93))
    stroke(outline[31:36] + [0, 1.0], shade * 0.85, 2)
    for longitude in (-38.0, 38.0):
        spot = face_pixel(np.array(longitude), np.array(0.036)).astype(int)
        cv2.circle(picture, tuple(spot.tolist()), 5, cheeks.tolist(), -1, cv2.LINE_AA)
    if has_glasses:
        for eye in (slice(36, 42), slice(42, 48)):
            middle = outline[eye].mean(axis=0)
            cv2.ellipse(picture, (middle.tolist(), (22.0, 20.0), 0.0), (0.08, 0.08, 0.09), 2, cv2.LINE_AA)
        stroke(face_pixel(np.array([-9.0, 9.0]), np.full(2, EYE_HEIGHT + 0.001)), np.full(3, 0.08), 2)
        for sign in (-1.0, 1.0):
            stroke(face_pixel(sign * np.array([33.0, 85.0]), np.full(2, EYE_HEIGHT)), np.full(3, 0.08), 2)
    return cv2.GaussianBlur(picture, (3, 3), 0)


def _paint_beard(picture: FloatImage, skin: Array, hair: Array) -> None:
    lower = face_pixel(np.array([-80.0, -75.0, -45.0, -22.0, 0.0, 22.0, 45.0, 75.0, 80.0]),
                       np.array([0.050, 0.030, 0.024, 0.028, 0.0265, 0.028, 0.024, 0.030, 0.050]))  # fmt: skip
    chin = face_pixel(np.array([80.0, -80.0]), np.full(2, CHIN - 0.01))
    colour = (0.75 * hair + 0.25 * skin).tolist()
    cv2.fillPoly(picture, [np.round(np.concatenate([lower, chin]) * 16).astype(np.int32)], colour, shift=4)
    bare = face_pixel(np.array(0.0), np.array(MOUTH_HEIGHT)).astype(int)
    cv2.ellipse(picture, tuple(bare.tolist()), (11, 7), 0, 0, 360, skin.tolist(), -1)
