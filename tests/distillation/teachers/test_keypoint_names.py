"""Which definition a name stands for, and which names mean the same joint."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from distilpose.distillation.teachers.keypoint_names import SETS, define, metainfo_of, read_definition, side_of
from distilpose.errors import DistilPoseError

SIZES = dict(coco=17, wholebody=133, halpe26=26, halpe=136, mpii=16, crowdpose=14, aic=14, lsp=14, mediapipe=33)


@pytest.mark.parametrize('name', SETS)
def test_a_set_has_unique_joints_and_mirroring_twice_is_nothing(name: str) -> None:
    definition = read_definition(name, entry='here')
    assert len(set(definition.names)) == len(set(definition.joints)) == SIZES.get(name, len(definition.names))
    for index, mirrored in enumerate(definition.mirrored):
        assert mirrored is None or definition.mirrored[mirrored] == index
        assert mirrored is None or side_of(definition.names[index]) is None or mirrored != index


@pytest.mark.parametrize('name, expected', [('COCO-17', 'coco'), ('coco_wholebody', 'wholebody'),
                                            ('Halpe26', 'halpe26'), ('BlazePose', 'mediapipe')])
def test_other_names_of_sets(name: str, expected: str) -> None:
    assert read_definition(name, entry='here') == read_definition(expected, entry='here')


def test_metainfo_files_and_lists_of_names() -> None:
    coco = read_definition('coco', entry='here')
    assert read_definition('configs/_base_/datasets/coco.py', entry='here').names == coco.names
    assert read_definition(list(coco.names), entry='here') == coco


def test_the_same_joint_of_two_definitions() -> None:
    mpii, halpe, crowdpose, lsp, openpose = (read_definition(name, entry='here') for name in (
        'mpii', 'halpe26', 'crowdpose', 'lsp', 'openpose'))

    def joint(definition: object, name: str) -> str:
        return definition.joints[definition.names.index(name)]  # type: ignore[attr-defined]
    assert joint(mpii, 'head_top') == joint(halpe, 'head') == joint(crowdpose, 'top_head') == joint(lsp, 'head_top')
    assert joint(mpii, 'upper_neck') == joint(halpe, 'neck') == joint(crowdpose, 'neck') == joint(lsp, 'neck')
    assert joint(mpii, 'thorax') not in (*halpe.joints, *lsp.joints)
    assert joint(mpii, 'pelvis') not in halpe.joints
    assert joint(openpose, 'neck') not in (*mpii.joints, *halpe.joints)
    assert define(('head', 'neck')).joints == ('head', 'neck')  # a bare head may be its middle


@pytest.mark.parametrize('written', ['left_shoulder', 'l_shoulder', 'LShoulder', 'leftShoulder', 'Left Shoulder',
                                     'shoulder-l', 'shoulder_left'])
def test_spellings_of_a_side(written: str) -> None:
    assert define((written,)).joints == ('left_shoulder',) and side_of(written) == 'left'


def test_sides_of_unknown_definitions_are_read_from_names() -> None:
    definition = define(('tail', 'l_paw', 'r_paw', 'nose'))
    assert definition.mirrored == (None, 2, 1, 3)


@pytest.mark.parametrize('value, sentence', [
    ('cocco', "'cocco', which is no known set of keypoints; did you mean 'coco'"),
    ('nothing', "expected 'auto', one of coco, wholebody, halpe26"),
    ('none/such.py', 'there is no none/such.py, which model.teacher.keypoints names'),
    (['nose', 'nose'], "names 'nose' more than once"),
    (['nose', 3], 'is a list with 3'),
    ([], 'is an empty list')])
def test_wrong_definitions(value: object, sentence: str) -> None:
    with pytest.raises(DistilPoseError) as error:
        read_definition(value, entry='model.teacher.keypoints')  # type: ignore[arg-type]
    assert sentence in str(error.value)


def test_a_file_that_defines_no_keypoints(tmp_path: Path) -> None:
    (tmp_path / 'empty.py').write_text('dataset_info = dict(dataset_name="x")\n')
    with pytest.raises(DistilPoseError, match='empty.py, which defines no keypoints'):
        read_definition(str(tmp_path / 'empty.py'), entry='model.teacher.keypoints')


def test_metainfo_of_names_has_names_and_sides() -> None:
    known = parse_pose_metainfo(metainfo_of(read_definition('coco', entry='x').names))
    assert known['dataset_name'] == 'coco' and len(known['skeleton_links']) == 19
    own = parse_pose_metainfo(metainfo_of(['left_wing', 'beak', 'right_wing']))
    assert [own['keypoint_id2name'][index] for index in range(3)] == ['left_wing', 'beak', 'right_wing']
    assert own['flip_indices'] == [2, 1, 0]
