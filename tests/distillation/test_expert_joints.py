"""Joints of an expert: names, indices and the parts of a whole-body student."""

from __future__ import annotations

from typing import Any

import pytest

from distilpose.distillation.expert_joints import PARTS, part_of, read_joints
from distilpose.distillation.teachers.keypoint_names import read_definition
from distilpose.errors import DistilPoseError

WHOLE_BODY = read_definition('wholebody', entry='test').names


def read(joints: Any, names: Any = WHOLE_BODY) -> tuple[int, ...]:
    return read_joints(joints, names=names, count=133, entry='model.teachers.hands.joints')


@pytest.mark.parametrize(('part', 'indices'), [
    ('body', range(17)), ('feet', range(17, 23)), ('face', range(23, 91)), ('hands', range(91, 133))])
def test_parts_are_those_of_coco_wholebody(part: str, indices: range) -> None:
    assert read(part) == tuple(indices)


def test_every_keypoint_of_halpe_is_in_one_part() -> None:
    counts = [sum(part_of(name) == part for name in read_definition('halpe', entry='test').names) for part in PARTS]
    assert counts == [20, 42, 68, 6]


def test_names_indices_and_parts_may_be_mixed() -> None:
    assert read(None) == () and read(['nose', 3, 'feet', 'nose']) == (0, 3, *range(17, 23)) and read(7) == (7,)
    assert read([0, 132], names=None) == (0, 132)


@pytest.mark.parametrize(('joints', 'words'), [
    ('hand', "names 'hand', which is no keypoint .* did you mean 'hands'"),
    ([133], 'names keypoint 133 .* expected indices from 0 to 132'),
    (1.5, "is 1.5; expected names of the student's keypoints"), ([True], 'names True')])
def test_others_are_refused(joints: Any, words: str) -> None:
    with pytest.raises(DistilPoseError, match=f'model.teachers.hands.joints {words}'):
        read(joints)


def test_names_need_names() -> None:
    with pytest.raises(DistilPoseError, match='the student does not name its keypoints; write indices'):
        read('nose', names=None)
