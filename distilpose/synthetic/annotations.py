"""Annotations of a view in the forms of COCO, COCO-WholeBody and MPII, and a detector's boxes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle
from scipy.io import savemat

from .landmarks import BODY, COCO_KEYPOINTS, COCO_SKELETON, FACE, FOOT, LEFT_HAND, MPII_JOINTS, RIGHT_HAND
from .scene import OUTSIDE, VISIBLE, PersonView
from .skeleton import Array

PERSON = 1
CATEGORIES = [
    dict(
        id=PERSON,
        name='person',
        supercategory='person',
        keypoints=list(COCO_KEYPOINTS),
        skeleton=[list(bone) for bone in COCO_SKELETON],
    )
]
LEAST_PIXELS = 150
"""A person with fewer visible pixels than this is not annotated."""
_PARTS = dict(face=FACE, lefthand=LEFT_HAND, righthand=RIGHT_HAND)
WHOLE_BODY_FIELDS = ('foot', *_PARTS)
"""Beginnings of the names of the fields that COCO-WholeBody adds to COCO's."""


def whole_body_annotation(view: PersonView, *, number: int, image: int) -> dict[str, Any]:
    """COCO's person keypoints, with the feet, face and hands of COCO-WholeBody.

    COCO's part: 17 joints, the visible pixels' box (x, y, width, height), area and mask. A part of COCO-WholeBody is
    valid when at least half of its points are in the image and a quarter of them are seen; the points of an invalid
    part are zeros, as in the data set.
    """
    encoded = rle.encode(np.asfortranarray(view.mask.astype(np.uint8)))
    person = dict(
        id=number,
        image_id=image,
        category_id=PERSON,
        iscrowd=0,
        bbox=_rounded(mask_box(view.mask)),
        area=int(view.mask.sum()),
        segmentation=dict(size=list(map(int, encoded['size'])), counts=encoded['counts'].decode('ascii')),
        num_keypoints=int((view.visibility[BODY] > OUTSIDE).sum()),
        keypoints=_triplets(view, BODY),
    )
    feet = view.visibility[FOOT]
    result = dict(person, foot_kpts=_triplets(view, FOOT), foot_valid=bool((feet > OUTSIDE).any()))
    for name, part in _PARTS.items():
        states = view.visibility[part]
        is_valid = bool((states > OUTSIDE).mean() >= 0.5 and (states == VISIBLE).mean() >= 0.25)
        points = view.whole_body[part][states > OUTSIDE]
        low, high = (points.min(axis=0), points.max(axis=0)) if is_valid else (np.zeros(2), np.zeros(2))
        result[f'{name}_kpts'] = _triplets(view, part) if is_valid else [0.0] * (3 * len(states))
        result[f'{name}_box'] = _rounded(np.concatenate([low, high - low]))
        result[f'{name}_valid'] = is_valid
    return result


def mpii_annotation(view: PersonView, *, file_name: str) -> dict[str, Any]:
    """MPII's format: 16 joints, the centre and the scale in units of 200 pixels, counted from 1 as in Matlab.

    The centre is stored 15 scales above the middle, since readers of MPII move it down by as much.
    """
    low, high = view.mpii.min(axis=0), view.mpii.max(axis=0)
    scale = float((high - low).max()) / 200
    centre = (low + high) / 2 - [0.0, 15 * scale]
    joints = np.where(view.mpii_visibility[:, None], view.mpii + 1, -1.0)
    return dict(
        image=file_name,
        center=_rounded(centre + 1),
        scale=round(scale, 4),
        joints=[_rounded(xy) for xy in joints],
        joints_vis=view.mpii_visibility.astype(int).tolist(),
    )


def ground_truth_mat(views: Sequence[PersonView]) -> bytes:
    """The bytes of a ``.mat`` file with ``dataset_joints``, ``jnt_missing``, ``pos_gt_src`` and ``headboxes_src``.

    Args:
        views: N people, in the order of the annotation file. Positions are stored counted from 1:
            joints (16, 2, N), corners of the heads' rectangles (2, 2, N).
    """
    names = np.empty((1, len(MPII_JOINTS)), dtype=object)
    names[0] = MPII_JOINTS
    joints = np.stack([view.mpii for view in views], axis=-1) + 1
    heads = np.stack([view.head_box for view in views], axis=-1) + 1
    missing = np.stack([~view.mpii_visibility for view in views], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    savemat(buffer, dict(dataset_joints=names, jnt_missing=missing, pos_gt_src=joints, headboxes_src=heads))
    content = buffer.getvalue()
    return b'MATLAB 5.0 MAT-file, synthetic people'.ljust(116) + content[116:]  # without the time of writing


def detections(rng: np.random.Generator, boxes: list[Array], *, image: int, size: int) -> list[dict[str, Any]]:
    """Detections of a fair detector: boxes with errors and high scores, and a few false ones with low scores.

    Args:
        rng: Random number generator.
        boxes: True boxes (x, y, width, height).
        image: Number of the image.
        size: Its side in pixels.
    """
    found = []
    for box in boxes:
        shake = rng.normal(0.0, 0.025, 4) * box[[2, 3, 2, 3]]
        found.append((_clipped(box + shake, size), float(np.clip(rng.beta(14, 1.3), 0.3, 0.999))))
    for _ in range(int(rng.poisson(0.3))):
        width, height = rng.uniform(0.06, 0.3, 2) * size
        place = rng.uniform(0, size - np.array([width, height]))
        found.append((_clipped(np.array([*place, width, height]), size), float(rng.beta(1.2, 9))))
    return [dict(image_id=image, category_id=PERSON, bbox=_rounded(box), score=round(score, 4)) for box, score in found]


def mask_box(mask: NDArray[np.bool_]) -> Array:
    """Tight box (x, y, width, height) around the pixels of a mask that has some."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1], dtype=np.float64)


def _clipped(box: Array, size: int) -> Array:
    low = np.clip(box[:2], 0, size - 2)
    return np.concatenate([low, np.clip(box[:2] + np.maximum(box[2:], 2), low + 2, size) - low])


def _triplets(view: PersonView, part: slice) -> list[float]:
    """x, y, visibility of keypoints in a row; zeros where they are outside."""
    states = view.visibility[part]
    points = np.where((states > OUTSIDE)[:, None], view.whole_body[part], 0.0)
    return [value for (x, y), state in zip(_rounded(points), states.tolist(), strict=True) for value in (x, y, state)]


def _rounded(values: Array) -> list[Any]:
    return np.round(values, 1).tolist()
