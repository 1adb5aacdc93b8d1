"""Annotations and predictions of ``tools/benchmark.py eval``."""

from __future__ import annotations

import numpy as np
import pytest

from distilpose.benchmark.synthetic_data import make_people, make_predictions
from distilpose.errors import DistilPoseError


def test_people_are_of_all_kinds_and_always_the_same() -> None:
    truth = make_people(400, keypoints=17)
    people = truth['annotations']
    assert truth == make_people(400, keypoints=17) and len(people) == 400
    assert {person['image_id'] for person in people} < {image['id'] for image in truth['images']}
    assert 0 < sum(person['iscrowd'] for person in people) < 40
    assert 0 < sum(person['num_keypoints'] == 0 for person in people) < 60
    for person in people:
        assert person['num_keypoints'] == np.count_nonzero(person['keypoints'][2::3]) <= 17


def test_the_whole_body_has_the_names_of_its_parts() -> None:
    person = make_people(1, keypoints=133)['annotations'][0]
    fields = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')
    assert [len(person[field]) // 3 for field in fields] == [17, 6, 68, 21, 21]


@pytest.mark.parametrize('keypoints', [14, 133])
def test_predictions_are_hits_and_misses(keypoints: int) -> None:
    truth = make_people(300, keypoints=keypoints)
    predictions = make_predictions(truth, keypoints=keypoints, per_person=1.5)
    assert 400 < len(predictions) < 500
    assert [prediction['id'] for prediction in predictions] == list(range(len(predictions)))
    boxes = {}
    for person in truth['annotations']:
        boxes.setdefault(person['image_id'], []).append(person['bbox'])
    far = []
    for prediction in predictions:
        joints, scores = prediction['pred_instances']['keypoints'], prediction['pred_instances']['keypoint_scores']
        assert joints.shape == (1, keypoints, 2) and joints.dtype == np.float32 and scores.shape == (1, keypoints)
        middles = [np.add(box[:2], np.divide(box[2:], 2)) / np.hypot(*box[2:]) for box in boxes[prediction['img_id']]]
        diagonals = [np.hypot(*box[2:]) for box in boxes[prediction['img_id']]]
        far.append(min(np.abs(joints[0] / diagonal - middle).max() for middle, diagonal in zip(
            middles, diagonals, strict=True)))
    assert 0.1 < np.mean(np.array(far) > 0.9) < 0.4  # a quarter of them are misses


def test_wrong_input_is_a_sentence() -> None:
    truth = make_people(3, keypoints=17)
    with pytest.raises(DistilPoseError, match='do not have 14 keypoints'):
        make_predictions(truth, keypoints=14, per_person=1.0)
    with pytest.raises(DistilPoseError, match='no predictions'):
        make_predictions(truth, keypoints=17, per_person=1e-9)
