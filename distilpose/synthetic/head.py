"""The head: its shape, and places on its surface given by longitude and height.

Lengths are fractions of the standing height, in the frame of the head's joint (x to the person's left, y up, z
forward). A longitude of 0 faces forwards; positive longitudes lie on the person's left.
"""

from __future__ import annotations

import numpy as np

from .skeleton import Array

# centre and half axes of the ellipsoids that make the head
CRANIUM = np.array([[0.0, 0.066, 0.010], [0.0445, 0.055, 0.056]])
JAW = np.array([[0.0, 0.036, 0.025], [0.0365, 0.045, 0.040]])
NOSE = np.array([[0.0, 0.041, 0.0665], [0.0075, 0.013, 0.0125]])
EAR = np.array([[0.0450, 0.050, 0.004], [0.0055, 0.0155, 0.0095]])  # the left one
AXIS_Z = 0.012  # the vertical axis that longitudes turn about
TOP = 0.121
CHIN = -0.006
EYE_LONGITUDE, EYE_HEIGHT = 21.0, 0.0565
MOUTH_HEIGHT = 0.0180
NOSE_TIP = np.array([0.0, 0.0375, 0.0785])


def on_surface(longitude: Array, height: Array) -> Array:
    """Points of the skin.

    Args:
        longitude: Degrees (N,).
        height: Heights (N,) as fractions of the standing height.

    Returns:
        (N, 3), as fractions of the standing height.
    """
    angle = np.deg2rad(longitude)
    direction = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
    origin = np.stack([np.zeros_like(angle), height, np.full_like(angle, AXIS_Z)], axis=1)
    reach = np.zeros_like(angle)
    for centre, axes in (CRANIUM, JAW):
        start, step = (origin - centre) / axes, direction / axes
        a, b, c = (step * step).sum(1), (start * step).sum(1), (start * start).sum(1) - 1.0
        root = b * b - a * c
        reach = np.maximum(reach, np.where(root > 0.0, (np.sqrt(np.maximum(root, 0.0)) - b) / a, 0.0))
    return origin + reach[:, None] * direction


def _mirrored(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(-longitude, height) for longitude, height in points]


def face_outline() -> Array:
    """Longitude and height of the 68 landmarks of the face, (68, 2), without the nose's own relief.

    The order is the usual one of 68 points; it starts at the person's right ear.
    """
    jaw = [(84.0 * t, CHIN + 0.004 + 0.056 * abs(t) ** 1.7) for t in np.linspace(-1.0, 1.0, 17)]
    left_brow = [(9.0, 0.0655), (15.0, 0.0685), (22.0, 0.0695), (29.0, 0.0685), (35.0, 0.0655)]
    bridge = [(0.0, height) for height in np.linspace(0.0555, NOSE_TIP[1], 4)]
    base = [(longitude, 0.0315 - 0.0008 * (longitude == 0)) for longitude in (-8.0, -4.0, 0.0, 4.0, 8.0)]
    x, y = EYE_LONGITUDE, EYE_HEIGHT
    left_eye = [
        (x - 7, y),
        (x - 2.5, y + 0.0036),
        (x + 2.5, y + 0.0036),
        (x + 7, y),
        (x + 2.5, y - 0.003),
        (x - 2.5, y - 0.003),
    ]
    right_eye = _mirrored([left_eye[index] for index in (3, 2, 1, 0, 5, 4)])
    m = MOUTH_HEIGHT
    outer = [(-17.0, 0.0), (-11.0, 0.0035), (-4.5, 0.0052), (0.0, 0.0045), (4.5, 0.0052), (11.0, 0.0035), (17.0, 0.0),
             (11.0, -0.0042), (4.5, -0.0062), (0.0, -0.0066), (-4.5, -0.0062), (-11.0, -0.0042)]  # fmt: skip
    inner = [(-14.0, 0.0), (-5.0, 0.0014), (0.0, 0.0014), (5.0, 0.0014), (14.0, 0.0), (5.0, -0.0016), (0.0, -0.0018),
             (-5.0, -0.0016)]  # fmt: skip
    mouth = [(longitude, m + height) for longitude, height in outer + inner]
    return np.array(jaw + _mirrored(left_brow)[::-1] + left_brow + bridge + base + right_eye + left_eye + mouth)


def _face_points() -> Array:
    outline = face_outline()
    points = on_surface(outline[:, 0], outline[:, 1])
    points[27:31, 2] = np.linspace(points[27, 2] + 0.002, NOSE_TIP[2], 4)
    points[31:36, 2] += np.array([0.002, 0.005, 0.007, 0.005, 0.002])
    return points


FACE_POINTS: Array = _face_points()
"""The 68 landmarks, (68, 3), as fractions of the standing height in the head's frame."""

EYES: Array = on_surface(np.array([EYE_LONGITUDE, -EYE_LONGITUDE]), np.full(2, EYE_HEIGHT))
"""Left and right eye, (2, 3)."""
