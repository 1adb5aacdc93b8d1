"""Drawn cats that look at us, with seven keypoints each, annotated in COCO's form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

NAMES = ['nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_paw', 'right_paw']
"""Left is the cat's, on the right of a picture."""
SKELETON = [[1, 2], [1, 3], [2, 4], [3, 5], [1, 6], [1, 7]]
WIDTH, HEIGHT = 160, 160
_FURS = ((60, 120, 200), (70, 70, 80), (200, 200, 205), (40, 90, 150), (120, 130, 140))


def annotations(content: dict[str, Any]) -> dict[str, Any]:
    """COCO's form of images and annotations."""
    category = dict(id=3, name='cat', supercategory='animal', keypoints=NAMES, skeleton=SKELETON)
    return dict(info=dict(description='drawn cats'), categories=[category], **content)


def write_cats(folder: Path, *, count: int = 40, seed: int = 0) -> Path:
    """Draws cats, one an image; writes ``cats.json`` and the folder ``pictures``.

    Returns:
        The annotation file.
    """
    random = np.random.default_rng(seed)
    (folder / 'pictures').mkdir(parents=True, exist_ok=True)
    images, cats = [], []
    for number in range(1, count + 1):
        picture, points = draw_cat(random)
        name = f'cat_{number:03}.png'
        cv2.imwrite(str(folder / 'pictures' / name), picture)
        images.append(dict(id=number, file_name=name, width=WIDTH, height=HEIGHT))
        low, high = points.min(axis=0) - 14, points.max(axis=0) + 14
        low, high = np.maximum(low, 0), np.minimum(high, (WIDTH, HEIGHT))
        box = [*low, *(high - low)]
        triples = [round(float(value), 2) for x, y in points for value in (x, y, 2)]
        cats.append(dict(id=number, image_id=number, category_id=3, iscrowd=0, num_keypoints=len(NAMES),
                         bbox=[round(float(value), 2) for value in box], area=round(float(box[2] * box[3]), 2),
                         keypoints=triples))
    file = folder / 'cats.json'
    file.write_text(json.dumps(annotations(dict(images=images, annotations=cats))))
    return file


def draw_cat(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H, W, 3) and the cat's keypoints (7, 2) in it."""
    picture = _background(random)
    size, angle = random.uniform(26, 36), random.uniform(-0.25, 0.25)
    center = np.array([random.uniform(60, 100), random.uniform(58, 78)])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def place(*points: tuple[float, float]) -> np.ndarray:
        return np.array(points) @ turn.T * size + center

    fur = np.array(_FURS[random.integers(len(_FURS))], dtype=float)
    light, dark = (tuple(float(value) for value in np.clip(fur * factor, 0, 255)) for factor in (1.2, 0.7))
    skin = tuple(float(value) for value in fur)
    head_tilt, paws = random.uniform(-0.1, 0.1), random.uniform(-0.15, 0.15, (2, 2))
    _fill(picture, place(*_ellipse((0, 1.15), 0.72, 0.95)), skin)
    _fill(picture, place(*_ellipse((0, 1.35), 0.4, 0.6)), light)
    left_paw, right_paw = place((0.42 + paws[0, 0], 2.0 + paws[0, 1]), (-0.42 + paws[1, 0], 2.0 + paws[1, 1]))
    for paw in (left_paw, right_paw):
        cv2.circle(picture, _pixel(paw), int(size * 0.24), light, -1, cv2.LINE_AA)
    ears = place((0.72 + head_tilt, -1.15), (-0.72 + head_tilt, -1.15))
    for ear, side in zip(ears, (1, -1), strict=True):
        _fill(picture, np.vstack([ear, place((side * 0.9, -0.1), (side * 0.1, -0.75))]), dark)
    _fill(picture, place(*_ellipse((head_tilt, -0.15), 0.95, 0.8)), skin)
    eyes = place((0.38 + head_tilt, -0.3), (-0.38 + head_tilt, -0.3))
    for eye in eyes:
        cv2.circle(picture, _pixel(eye), max(int(size * 0.17), 3), (120, 220, 190), -1, cv2.LINE_AA)
        cv2.circle(picture, _pixel(eye), max(int(size * 0.07), 2), (10, 10, 10), -1, cv2.LINE_AA)
    nose = place((head_tilt, 0.1))[0]
    _fill(picture, np.vstack([nose + (0, 4), nose + (-5, -3), nose + (5, -3)]), (120, 110, 235))
    for side in (1, -1):
        for height in (0.05, 0.2):
            whisker = place((side * 0.2 + head_tilt, 0.15), (side * 1.15, height))
            cv2.line(picture, _pixel(whisker[0]), _pixel(whisker[1]), (230, 230, 230), 1, cv2.LINE_AA)
    return picture, np.vstack([nose, eyes[0], eyes[1], ears[0], ears[1], left_paw, right_paw])


def _background(random: np.random.Generator) -> np.ndarray:
    """A lawn or a carpet: a smooth colour with soft spots."""
    colour = random.uniform(60, 190, 3)
    spots = cv2.resize(random.normal(0, 18, (10, 10, 3)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(colour + spots, 0, 255).astype(np.uint8)


def _ellipse(center: tuple[float, float], width: float, height: float) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return [(center[0] + width * np.cos(a), center[1] + height * np.sin(a)) for a in angles]


def _fill(picture: np.ndarray, points: np.ndarray, colour: tuple[float, ...]) -> None:
    cv2.fillPoly(picture, [np.rint(points).astype(np.int32)], colour, cv2.LINE_AA)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return int(round(float(point[0]))), int(round(float(point[1])))
