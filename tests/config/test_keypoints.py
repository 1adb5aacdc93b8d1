"""Keypoints of one's own: said once, they are everywhere; what contradicts itself is refused."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmpose.apis import init_model
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from torch import Tensor

from distilpose.config import build_estimator, load_config, read_config, read_model_source, set_own_keypoints
from distilpose.config.keypoints import make_metainfo, normalised_name, pairs_by_name, read_own_keypoints
from distilpose.errors import DistilPoseError
from tests.engine.tiny import PROJECT

NAMES = ['beak', 'left_eye', 'right_eye', 'neck', 'tail', 'left_foot', 'right_foot']
PAIRS = [('left_eye', 'right_eye'), ('left_foot', 'right_foot')]
OWN = dict(names=NAMES, flip_pairs=PAIRS, skeleton=[('beak', 'neck'), ('neck', 'tail')], sigmas=0.07)
BODY = 'distilpose::body/2d_kpt_sview_rgb_img'
MMPOSE = 'mmpose::body_2d_keypoint'
STUDENTS = dict(
    tokenpose=f'{BODY}/tokenpose/lspet/teacher_resnet18_lspet_96x64.py',
    coordinates=f'{BODY}/distilpose/lspet/resnet18_lspet_96x64.py',
    distilpose=f'{BODY}/distilpose/lspet/DistilPose_XS_lspet_96x64.py',
    hourglass=f'{BODY}/fpd/lspet/hourglass_1x32_lspet_64x64.py',
    hourglasses=f'{BODY}/fpd/lspet/fpd_hourglass_2x64_to_1x32_lspet_64x64.py',
    simdr=f'{BODY}/simdr/lspet/simdr_resnet18_from_synthetic_lspet_64x64.py',
    upfree=f'{BODY}/simdr/coco/simdr_res50_upfree_coco_64x64.py',
    tokenpose_simdr=f'{BODY}/simdr/coco/simdr_tokenpose_s_coco_64x64.py',
    rtmpose=f'{BODY}/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py',
    rtmpose_of_mmpose=f'{MMPOSE}/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py',
    simcc=f'{MMPOSE}/simcc/coco/simcc_mobilenetv2_wo-deconv-8xb64-210e_coco-256x192.py',
    heatmap=f'{MMPOSE}/topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e_coco-256x192.py',
    combined=f'{MMPOSE}/topdown_heatmap/coco/td-hm_hrnet-w32_udp-regress-8xb64-210e_coco-256x192.py',
    cpm=f'{MMPOSE}/topdown_heatmap/coco/td-hm_cpm_8xb64-210e_coco-256x192.py',
    mspn=f'{MMPOSE}/topdown_heatmap/coco/td-hm_2xmspn50_8xb32-210e_coco-256x192.py',
    vipnas=f'{MMPOSE}/topdown_heatmap/coco/td-hm_vipnas-mbv3_8xb64-210e_coco-256x192.py',
    hourglass_of_mmpose=f'{MMPOSE}/topdown_heatmap/coco/td-hm_hourglass52_8xb32-210e_coco-256x256.py',
    regression=f'{MMPOSE}/topdown_regression/coco/td-reg_mobilenetv2_rle-pretrained-8xb64-210e_coco-256x192.py',
    rle=f'{MMPOSE}/topdown_regression/coco/td-reg_res50_rle-8xb64-210e_coco-256x192.py',
    plain_regression=f'{MMPOSE}/topdown_regression/coco/td-reg_res50_8xb64-210e_coco-256x192.py',
    integral=f'{MMPOSE}/integral_regression/coco/ipr_res50_8xb64-210e_coco-256x256.py',
    dsnt=f'{MMPOSE}/integral_regression/coco/ipr_res50_dsnt-8xb64-210e_coco-256x256.py')


def write(folder: Path, base: str, *, own: Any = OWN, more: str = '') -> Path:
    file = folder / 'mine.py'
    file.write_text(f'_base_ = {base!r}\nown_keypoints = {own!r}\n{more}\n')
    return file


def shapes(outputs: Any) -> list[tuple[int, ...]]:
    """Of all tensors of what a head shows."""
    if isinstance(outputs, Tensor):
        return [tuple(outputs.shape)]
    values = outputs.values() if isinstance(outputs, Mapping) else outputs or ()
    return [shape for value in values for shape in shapes(value)]


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('kind', STUDENTS)
@pytest.mark.parametrize('count', [1, 7])
def test_every_head_predicts_that_many(kind: str, count: int, tmp_path: Path) -> None:
    """Traced on the meta device: sizes, no values."""
    own = OWN if count == 7 else dict(names=['tip'])
    source = read_model_source(dict(config=str(write(tmp_path, STUDENTS[kind], own=own))))
    assert source.keypoint_names == tuple(own['names'])  # type: ignore[arg-type]
    model = copy.deepcopy(source.model)
    head = model['head']
    width, height = head.get('input_size') or head['decoder']['input_size']
    model['backbone'].pop('init_cfg', None)
    with torch.device('meta'):
        network = build_estimator(model)
        found = shapes(network.head(network.extract_feat(torch.empty(2, 3, height, width))))
    predicted = 3 * count if kind == 'combined' else count
    assert found and all(shape[0] == 2 for shape in found)
    assert any(shape[1] == predicted for shape in found) and not any(shape[1] in (16, 17) for shape in found)


def test_all_places_are_set(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, STUDENTS['tokenpose']))
    expected = parse_pose_metainfo(copy.deepcopy(config.model.metainfo.to_dict()))
    assert [expected['keypoint_id2name'][index] for index in range(7)] == NAMES
    assert expected['flip_indices'] == [0, 2, 1, 3, 4, 6, 5]
    assert expected['skeleton_links'] == [(0, 3), (3, 4)]
    assert expected['sigmas'].tolist() == pytest.approx([0.07] * 7)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert config[loader].dataset.metainfo == config.model.metainfo
    assert config.model.head.num_keypoints == 7


def test_what_was_read_may_be_read_again(tmp_path: Path) -> None:
    """A run dumps its config, a checkpoint keeps it."""
    config = read_config(write(tmp_path, STUDENTS['distilpose']))
    again = tmp_path / 'again.py'
    again.write_text(config.pretty_text)
    assert read_config(again).to_dict() == config.to_dict()
    set_own_keypoints(config, load_config)
    assert read_config(again).to_dict() == config.to_dict()


def test_without_own_keypoints_nothing_changes() -> None:
    path = PROJECT / 'configs' / STUDENTS['coordinates'].partition('::')[2]
    assert read_config(path).to_dict() == Config.fromfile(path).to_dict()


def test_student_of_a_distillation_that_another_config_defines(tmp_path: Path) -> None:
    student = dict(type='PoseDistiller', _delete_=True, terms={}, teacher=dict(config='teacher.py'),
                   student=dict(config=STUDENTS['tokenpose'], head=dict(hidden_dim=None)))
    config = read_config(write(tmp_path, STUDENTS['tokenpose'], more=f'model = {student!r}'))
    source = read_model_source(config.model.student.to_dict())
    assert source.keypoint_names == tuple(NAMES)
    assert source.model['head']['num_keypoints'] == 7 and source.model['head']['hidden_dim'] is None
    assert config.model.teacher == dict(config='teacher.py')


def test_a_definition_of_mmpose(tmp_path: Path) -> None:
    own = dict(from_file='configs/_base_/datasets/animalpose.py')
    config = read_config(write(tmp_path, STUDENTS['coordinates'], own=own))
    assert config.model.head.num_keypoints == 20 and config.val_dataloader.dataset.metainfo == own


def test_a_file_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / 'bird.py').write_text(f'dataset_info = {make_metainfo(**OWN)!r}')  # type: ignore[arg-type]
    own = dict(from_file='{{ fileDirname }}/bird.py')
    assert read_config(write(tmp_path, STUDENTS['coordinates'], own=own)).model.head.num_keypoints == 7


def test_a_combination_keeps_what_it_converts(tmp_path: Path) -> None:
    coco, own = dict(from_file='configs/_base_/datasets/coco.py'), dict(from_file='configs/_base_/datasets/mpii.py')
    step = dict(type='KeypointConverter', num_keypoints=16, mapping=[(0, 0)])
    dataset = dict(type='CombinedDataset', metainfo=coco, datasets=[
        dict(type='CocoDataset', metainfo=coco, pipeline=[step]),
        dict(type='UnlabelledImages', metainfo=coco, pipeline=[])])
    config = Config(dict(own_keypoints=own, train_dataloader=dict(dataset=dataset)))
    set_own_keypoints(config, load_config)
    found = config.train_dataloader.dataset
    assert (found.metainfo, found.datasets[0].metainfo, found.datasets[1].metainfo) == (own, coco, own)


def test_models_of_mmpose_have_them_too(tmp_path: Path) -> None:
    model = init_model(str(write(tmp_path, STUDENTS['coordinates'])), device='cpu')
    assert model.head.num_outputs and model.cfg.model.head.num_keypoints == 7
    assert list(model.dataset_meta['keypoint_id2name'].values()) == NAMES


@pytest.mark.parametrize(('names', 'pairs'), [
    (['left_eye', 'right_eye', 'nose'], [('left_eye', 'right_eye')]),
    (['eye_right', 'eye_left'], [('eye_left', 'eye_right')]),
    (['l_eye', 'r_eye'], [('l_eye', 'r_eye')]),
    (['LEye', 'REye'], [('LEye', 'REye')]),
    (['eyeLeft', 'eyeRight'], [('eyeLeft', 'eyeRight')]),
    (['leftFrontPaw', 'rightFrontPaw'], [('leftFrontPaw', 'rightFrontPaw')]),
    (['Left Eye', 'Right Eye'], [('Left Eye', 'Right Eye')]),
    (['paw-l', 'paw-r'], [('paw-l', 'paw-r')]),
    (['lip', 'rip', 'leftover'], []),
])
def test_pairs_by_name(names: list[str], pairs: list[tuple[str, str]]) -> None:
    assert pairs_by_name(names) == (pairs, [])


def test_a_side_without_the_other_is_told_apart() -> None:
    assert pairs_by_name(['left_eye', 'nose']) == ([], ['left_eye'])
    assert normalised_name('EyeR') == 'right_eye'
    assert pairs_by_name(['left_目', 'right_目', 'left_a', 'right_a'])[0][0] == ('left_目', 'right_目')


def test_pairs_come_from_names_where_none_are_given() -> None:
    found = parse_pose_metainfo(make_metainfo(['l_eye', 'r_eye', 'nose']))
    assert found['flip_indices'] == [1, 0, 2] and found['sigmas'].tolist() == pytest.approx([0.05] * 3)


@pytest.mark.parametrize(('own', 'words'), [
    (NAMES, r'own_keypoints is \[.*; expected dict\(names='),
    (dict(OWN, flip_pair=[]), "has a key 'flip_pair'; did you mean 'flip_pairs'"),
    (dict(OWN, names=[]), r'own_keypoints.names is \[\]; expected the names'),
    (dict(OWN, names=[*NAMES, 5]), 'the name of keypoint 7 is 5'),
    (dict(OWN, names=[*NAMES, 'beak']), "8 keypoints are named, 'beak' more than once"),
    (dict(names=['left_eye', 'nose']), r'names have no other side of left_eye; say .* flip_pairs=\[\]'),
    (dict(OWN, flip_pairs=[('left_eye', 'right_ear')]), "'right_ear' is none of them"),
    (dict(OWN, flip_pairs=[('beak', 'beak')]), 'expected two different keypoints'),
    (dict(OWN, flip_pairs=[*PAIRS, ('left_eye', 'tail')]), "exchanges 'left_eye' with 'right_eye' and with 'tail'"),
    (dict(OWN, flip_pairs=['left_eye']), 'flip_pairs is .* expected pairs of names'),
    (dict(OWN, skeleton=[('beak', 'claw')]), "the skeleton links 'beak' and 'claw', and 'claw' is no keypoint"),
    (dict(OWN, sigmas=[0.1] * 6), 'sigmas has 6 values; expected 7'),
    (dict(OWN, sigmas=0), 'sigmas has 0; expected numbers above 0'),
    (dict(from_file='nowhere.py'), r'there is no nowhere.py .*which own_keypoints.from_file names'),
])
def test_what_contradicts_itself_is_refused(own: Any, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        read_own_keypoints(own)


def test_other_models_are_refused(tmp_path: Path) -> None:
    base = f'{MMPOSE}/dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512.py'
    with pytest.raises(DistilPoseError, match='of a TopdownPoseEstimator, and the model of this config is a Bottomup'):
        read_config(write(tmp_path, base))
