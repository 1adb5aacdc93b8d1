"""Synthetic annotations in COCO's format, and synthetic predictions as a network returns them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from distilpose.errors import DistilPoseError
from distilpose.evaluation.whole_body import PARTS

_PEOPLE_OF_AN_IMAGE = 2.2
_UNLABELLED, _CROWDS = 0.05, 0.02  # shares of people
_ERRORS = (0.01, 0.02, 0.05, 0.5)  # shares of a box's diagonal: three hits, near to far, and a miss


def make_people(count: int, *, keypoints: int) -> dict[str, Any]:
    """Annotations of people, 2.2 an image on average, equal at every call.

    Some joints are not labelled, and some people not at all; some are crowds.

    Args:
        count: of people.
        keypoints: of a person; 133 are those of the whole body.
    """
    draw = np.random.default_rng(0)
    images = math.ceil(count / _PEOPLE_OF_AN_IMAGE)
    sizes, corners = draw.uniform(20, 250, (count, 2)), draw.uniform(0, 300, (count, 2))
    joints = corners[:, None] + draw.random((count, keypoints, 2)) * sizes[:, None]
    visible = draw.integers(0, 3, (count, keypoints)) * (draw.random((count, 1)) >= _UNLABELLED)
    triples = np.concatenate([joints * (visible > 0)[..., None], visible[..., None]], axis=2).round(2)
    boxes = np.concatenate([corners, sizes], axis=1).round(2)
    crowds = draw.random(count) < _CROWDS
    annotations = [
        dict(_fields(person.ravel().tolist()), id=number, image_id=image, category_id=1, bbox=box, area=area,
             iscrowd=int(is_crowd), num_keypoints=int(np.count_nonzero(person[:, 2])))
        for number, (person, box, area, is_crowd, image) in enumerate(zip(
            triples, boxes.tolist(), (0.5 * sizes.prod(axis=1)).tolist(), crowds,
            np.sort(draw.integers(0, images, count)).tolist(), strict=True), start=1)]
    return dict(images=[dict(id=number, width=640, height=480, crowdIndex=crowdedness)
                        for number, crowdedness in enumerate(draw.random(images).round(3).tolist())],
                annotations=annotations, categories=[dict(id=1, name='person')])


def make_predictions(truth: Mapping[str, Any], *, keypoints: int, per_person: float) -> list[dict[str, Any]]:
    """Data samples as a network returns them, equal at every call: hits, misses, and people without a prediction.

    Args:
        truth: COCO's annotations.
        keypoints: of a person.
        per_person: predictions of a person, on average.

    Raises:
        DistilPoseError: the annotations have other keypoints, or no person has a prediction.
    """
    draw, people = np.random.default_rng(1), truth['annotations']
    triples = [_values(person) for person in people]
    if any(len(values) != 3 * keypoints for values in triples):
        raise DistilPoseError(f'the annotations do not have {keypoints} keypoints a person, as the data set has')
    labelled = np.array(triples, dtype=float).reshape(-1, keypoints, 3)
    boxes = np.array([person['bbox'] for person in people], dtype=float).reshape(-1, 4)
    whose = np.repeat(np.arange(len(people)), draw.poisson(per_person, len(people)))
    if not len(whose):
        raise DistilPoseError(f'{len(people)} people with {per_person} predictions each are no predictions; more '
                              'of either are needed')
    corners, sizes = boxes[whose, None, :2], boxes[whose, None, 2:]
    joints = np.where(labelled[whose, :, 2:] > 0, labelled[whose, :, :2],
                      corners + sizes * draw.random((len(whose), keypoints, 2)))
    errors = draw.choice(_ERRORS, (len(whose), 1, 1)) * np.linalg.norm(sizes, axis=2, keepdims=True)
    joints = (joints + errors * draw.normal(size=joints.shape)).astype(np.float32)
    scores, box_scores = draw.random(joints.shape[:2], dtype=np.float32), draw.random(len(whose), dtype=np.float32)
    scales = (1.25 * sizes).astype(np.float32)
    corners_of_boxes = np.concatenate([corners, corners + sizes], axis=2)[:, 0].astype(np.float32)
    return [dict(id=number, img_id=people[person]['image_id'], category_id=people[person]['category_id'],
                 ori_shape=(480, 640),
                 pred_instances=dict(keypoints=joints[number, None], keypoint_scores=scores[number, None],
                                     bboxes=corners_of_boxes[number, None], bbox_scores=box_scores[number, None]),
                 gt_instances=dict(bbox_scores=box_scores[number, None], bbox_scales=scales[number]))
            for number, person in enumerate(whose.tolist())]


def _fields(values: list[float]) -> dict[str, list[float]]:
    """Keypoints by the fields of an annotation."""
    if len(values) != 3 * _WHOLE_BODY:
        return dict(keypoints=values)
    return {field: values[3 * place.start:3 * place.stop] for field, place in PARTS.values()}


def _values(annotation: Mapping[str, Any]) -> list[float]:
    """All triples of an annotation, in the data set's order."""
    return [value for field, _ in PARTS.values() for value in annotation.get(field, ())]


_WHOLE_BODY = max(place.stop for _, place in PARTS.values())
