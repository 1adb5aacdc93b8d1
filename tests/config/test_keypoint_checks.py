"""A config whose places speak of other keypoints is refused before the training, with what to change."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config.keypoint_checks import check_keypoints
from distilpose.config.keypoints import make_metainfo
from distilpose.config.tree import ConfigTree
from distilpose.errors import DistilPoseError

METAINFO = make_metainfo(['nose', 'left_ear', 'right_ear', 'neck', 'tail'], sigmas=0.05)
COCO = dict(from_file='configs/_base_/datasets/coco.py')
Entry = dict[str, Any]


def config(*, train: Any = METAINFO, val: Any = METAINFO, model: Entry | None = None, evaluator: Entry | None = None,
           pipeline: Any = ()) -> Config:
    head = dict(type='HeatmapHead', in_channels=8, out_channels=5)
    estimator = dict(dict(type='TopdownPoseEstimator', metainfo=METAINFO, head=head), **(model or {}))
    datasets = [dict(type='CocoDataset', pipeline=list(pipeline), **({} if info is None else dict(metainfo=info)))
                for info in (train, val)]
    return Config(copy.deepcopy(dict(
        model=estimator, train_dataloader=dict(dataset=datasets[0]), val_dataloader=dict(dataset=datasets[1]),
        val_evaluator=evaluator or dict(type='CocoMetric'))))


def changed(**changes: Any) -> Entry:
    return dict(copy.deepcopy(METAINFO), **changes)


def point(index: int, **changes: Any) -> Entry:
    points = copy.deepcopy(METAINFO['keypoint_info'])
    points[index].update(changes)
    return changed(keypoint_info=points)


def test_equal_keypoints_pass() -> None:
    check_keypoints(config())


def test_a_definition_without_sigmas_passes_where_none_are_needed() -> None:
    info = changed(sigmas=[])
    check_keypoints(config(train=info, val=info, model=dict(metainfo=info), evaluator=dict(type='PCKAccuracy')))


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(val=COCO), r'train_\S*metainfo defines 5 keypoints .*val_\S*metainfo defines 17 keypoints .*coco.py'),
    (dict(val=None), r'val_dataloader.dataset \(CocoDataset\) defines 17 .* set them once, with own_keypoints'),
    (dict(model=dict(metainfo=COCO)), r'model.metainfo defines 17 .*take the place of those of the data in predictio'),
    (dict(model=dict(head=dict(type='HeatmapHead', out_channels=17))),
     r'train_dataloader.dataset.metainfo defines 5 keypoints .*model.head.out_channels is for 17'),
    (dict(model=dict(test_cfg=dict(output_keypoint_indices=[0, 9]))), 'output_keypoint_indices of the model has 9'),
    (dict(model=dict(head=dict(out_channels=5, loss=dict(type='KLDiscretLoss', mask=list(range(23, 91)))))),
     'head.loss.mask of the model has keypoint 90'),
    (dict(val=make_metainfo(['nose', 'left_ear', 'right_ear', 'tail', 'neck'])),
     "keypoint 3 is 'neck' in train_dataloader.dataset.metainfo and 'tail' in val_dataloader.dataset.metainfo"),
    (dict(model=dict(head=dict(out_channels=5, loss=dict(type='KLDiscretLoss', mask=[-1])))), 'mask .* keypoint -1'),
    (dict(model=dict(head=dict(out_channels=[5]))), r'model.head.out_channels is \[5\]; expected a whole number'),
    (dict(model=dict(test_cfg=dict(output_keypoint_indices=3))), 'output_keypoint_indices of the model has 3'),
    (dict(val=dict(METAINFO, keypoint_info={index: dict(name=one['name']) for index, one in
                                            METAINFO['keypoint_info'].items()})),
     "a flip exchanges 'left_ear' with right_ear in train_.* and with none in val_"),
    (dict(pipeline=[dict(type='KeypointConverter', num_keypoints=26, mapping=[])]), r'pipeline\[0\] converts to 26'),
])
def test_places_that_disagree_are_refused(changes: Entry, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_keypoints(config(**changes))


@pytest.mark.parametrize(('info', 'words'), [
    (point(2, swap=''), "'left_ear' swaps with 'right_ear', and 'right_ear' with none; expected swap='left_ear' for"),
    (point(3, swap='left_ear'), "'neck' swaps with 'left_ear', and 'left_ear' swaps with 'right_ear'"),
    (point(3, swap='hip'), "'neck' swaps with 'hip', which is no keypoint; expected one of nose, left_ear"),
    (point(3, swap='neck'), "'neck' swaps with itself; expected swap=''"),
    (point(3, name='nose'), "5 keypoints are named, 'nose' more than once"),
    (point(3, name=''), "the name of keypoint 3 is ''"),
    (changed(sigmas=[0.1] * 4), 'sigmas has 4 values; expected 5'),
    (changed(sigmas=[0.1, 0.1, 0.1, 0.1, float('nan')]), 'sigmas has nan'),
    (changed(joint_weights=[1.0] * 17), 'joint_weights has 17 values; expected 5'),
    (changed(skeleton_info={0: dict(link=('nose', 'hip'))}), "links 'nose' and 'hip', and 'hip' is no keypoint"),
    (changed(skeleton_info={0: dict(link=('nose',))}), 'link 0 of the skeleton is'),
    (changed(skeleton_info={0: dict(link=('nose', 'neck'), color=[0, 0, 256])}), r'color of link 0 .* is \[0, 0, 2'),
    (point(3, id=4), 'the id of keypoint 3 is 4; expected 3'),
    (point(3, color=[1, 2]), r'the color of keypoint 3 is \[1, 2\]; expected three'),
    (point(3, swap=None), 'swap of keypoint 3 is None; expected the name of another keypoint'),
    (point(3, swap=['nose']), 'swap of keypoint 3'),
    (point(3, swap=2), 'swap of keypoint 3 is 2; expected the name of another'),
    (changed(sigmas=[0.1, 0.1, 0.1, 0.1, 0]), 'sigmas has 0; expected numbers above 0'),
    (changed(sigmas=0.1), 'sigmas is 0.1; expected a list of 5'),
    (changed(joint_weights=[1, 1, -1, 1, 1]), 'joint_weights has -1; expected numbers of 0 or more'),
    ('coco.py', "train_dataloader.dataset.metainfo is 'coco.py'; expected dict.from_file="),
    (changed(keypoint_info={1: dict(name='a'), 0: dict(name='b')}), r'the keys of keypoint_info are \[1, 0\]'),
    (changed(keypoint_info=[]), r'keypoint_info is \[\]'),
    ({'dataset_name': 'a', 'keypoint_info': {}}, 'has no skeleton_info, joint_weights, sigmas'),
])
def test_definitions_that_contradict_themselves_are_refused(info: Entry, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_keypoints(config(train=info, val=info, model=dict(metainfo=None)))


def test_sides_that_a_flip_does_not_exchange_are_a_warning() -> None:
    info = changed()
    for index in (1, 2):
        info['keypoint_info'][index]['swap'] = ''
    tree = ConfigTree(config(train=info, val=info, model=dict(metainfo=None)))
    check_keypoints(tree)
    said = tree.warnings
    assert len(said) == 2 and said[0].startswith('train_dataloader.dataset.metainfo: 1 of 1 pairs')  # train and val
    assert 'are not exchanged by a flip (left_ear and right_ear)' in said[0]


def test_what_the_head_is_trained_on_must_be_known_of_the_keypoints() -> None:
    loss = dict(type='KeypointOHKMMSELoss', topk=8)
    with pytest.raises(DistilPoseError, match=r'model.head.loss.topk is 8 .* expected at most 5'):
        check_keypoints(config(model=dict(head=dict(type='HeatmapHead', out_channels=5, loss=loss))))
    encoder = dict(type='EDPoseLabel', num_keypoints=17)
    with pytest.raises(DistilPoseError, match=r'pipeline\[0\].encoder.num_keypoints is 17, and .* defines 5'):
        check_keypoints(config(pipeline=[dict(type='GenerateTarget', encoder=encoder)]))


def test_an_estimator_that_predicts_some_of_its_keypoints_is_evaluated_on_these() -> None:
    some = make_metainfo(['nose', 'left_ear', 'right_ear'])
    check_keypoints(config(val=some, model=dict(test_cfg=dict(output_keypoint_indices=[0, 1, 2]))))
    with pytest.raises(DistilPoseError, match="keypoint 1 is 'right_ear' in .*keypoint_indices .* 'left_ear' in"):
        check_keypoints(config(val=some, model=dict(test_cfg=dict(output_keypoint_indices=[0, 2, 1]))))
    with pytest.raises(DistilPoseError, match="indices of the model has 'nose'"):
        check_keypoints(config(model=dict(test_cfg=dict(output_keypoint_indices=['nose']))))


def test_a_data_set_of_the_whole_body_is_refused() -> None:
    cfg = config()
    cfg.train_dataloader.dataset.type = 'CocoWholeBodyDataset'
    with pytest.raises(DistilPoseError, match=r"reads the 133 keypoints .* set train_dataloader.dataset.type='CocoDa"):
        check_keypoints(cfg)


def test_the_file_of_a_definition_is_named(tmp_path: Path) -> None:
    file = tmp_path / 'five.py'
    file.write_text(f'dataset_info = {point(2, swap="")!r}')
    with pytest.raises(DistilPoseError, match=f'{file}, which train_dataloader.dataset.metainfo names: .left_ear'):
        check_keypoints(config(train=dict(from_file=str(file))))


@pytest.mark.parametrize(('text', 'words'), [
    ('info = 1', 'has no dataset_info'), ('dataset_info = 1 / 0', 'cannot be read: ZeroDivisionError'),
])
def test_files_that_define_nothing_are_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / 'five.py'
    file.write_text(text)
    with pytest.raises(DistilPoseError, match=words):
        check_keypoints(config(train=dict(from_file=str(file))))


def test_definitions_of_mmpose_are_taken_as_they_are() -> None:
    """Its deepfashion2.py has a swap of one side."""
    info = dict(from_file='configs/_base_/datasets/deepfashion2.py')
    check_keypoints(config(train=info, val=info, model=dict(metainfo=None, head=dict(out_channels=294)),
                           evaluator=dict(type='PCKAccuracy')))


def test_a_student_that_another_config_defines(tmp_path: Path) -> None:
    """Its names would be those of the data of that config."""
    student = dict(config='distilpose::body/2d_kpt_sview_rgb_img/simdr/coco/heatmap_res50_coco_64x64.py',
                   head=dict(out_channels=5))
    cfg = config(model=None)
    cfg.model = dict(type='PoseDistiller', student=student, teacher=dict(config='teacher.py'), terms={})
    with pytest.raises(DistilPoseError, match=r'defines 5 keypoints .* model.student.config defines 17 key'):
        check_keypoints(cfg)
    cfg.model.student['metainfo'] = METAINFO
    check_keypoints(cfg)
