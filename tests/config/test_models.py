from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config import (
    PROJECT_ROOT,
    ConfigTree,
    build_estimator,
    load_config,
    project_path,
    read_config,
    read_model_source,
    student_config,
)
from distilpose.distillation import PoseDistiller
from distilpose.errors import DistilPoseError
from tests.networks import STUDENT

S = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py'
TEACHER = 'configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_stemnet_coco_256x192.py'


def test_relative_paths_start_at_the_project_not_at_the_current_directory(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_path('teacher_chkpts/a.pth') == PROJECT_ROOT / 'teacher_chkpts' / 'a.pth'
    assert project_path('/a.pth') == Path('/a.pth')
    assert load_config(S).model.type == 'PoseDistiller'


def test_configs_of_the_installed_mmpose() -> None:
    config = load_config('mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py')
    assert config.model.backbone.type == 'HRNet'


@pytest.mark.parametrize('path', ['configs/nowhere.py', 'mmpose::nowhere/nothing.py'])
def test_missing_config_is_named(path: str) -> None:
    with pytest.raises(DistilPoseError, match='nothing.py|nowhere.py'):
        load_config(path)


def test_keypoint_names_come_from_the_data_set_or_the_metainfo() -> None:
    from_config = read_model_source(dict(config=TEACHER)).keypoint_names
    from_dict = read_model_source(dict(STUDENT, metainfo=dict(from_file='configs/_base_/datasets/coco.py')))
    assert from_config == from_dict.keypoint_names and from_config[:2] == ('nose', 'left_eye')
    assert read_model_source(STUDENT).keypoint_names is None


def test_a_distillation_config_stands_for_its_student() -> None:
    source = read_model_source(dict(config=S))
    assert source.model['head']['type'] == 'DistilPoseHead' and len(source.keypoint_names) == 17
    assert build_estimator(source.model).head.with_scores


def test_further_keys_change_the_model_of_a_config() -> None:
    source = read_model_source(dict(config=S, head=dict(encoder=dict(depth=2)), test_cfg=dict(_delete_=True, a=1)))
    assert source.model['head']['encoder']['depth'] == 2 and source.model['head']['encoder']['dim'] == 192
    assert source.model['test_cfg'] == dict(a=1) and source.model['backbone']['type'] == 'StemNet'


def test_further_keys_change_a_model_that_is_written_out() -> None:
    source = read_model_source(dict(config=STUDENT, head=dict(num_keypoints=3)))
    assert source.model['head'] == dict(STUDENT['head'], num_keypoints=3)
    assert read_model_source(dict(config=dict(config=STUDENT, test_cfg=dict(a=1)))).model['test_cfg'] == dict(a=1)


@pytest.mark.parametrize('spec', [dict(config=S, bakbone=dict(depth=2)), dict(STUDENT, bakbone=None)])
def test_a_misspelt_key_is_refused(spec: dict) -> None:
    with pytest.raises(DistilPoseError, match="model.student has a key 'bakbone', .*did you mean 'backbone'"):
        read_model_source(spec, entry='model.student')


def test_a_config_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'data.py').write_text('data_root = "here"')
    with pytest.raises(DistilPoseError, match='defines no model'):
        read_model_source(dict(config=str(tmp_path / 'data.py')))


@pytest.mark.parametrize('kind', ['PoseDistiller', 'mmpose.PoseDistiller', PoseDistiller])
def test_the_student_of_a_distillation_is_a_plain_config(kind: Any) -> None:
    cfg = read_config(S)
    cfg.model.type = kind
    plain = student_config(cfg)
    assert ConfigTree(cfg).is_distillation and not ConfigTree(plain).is_distillation
    assert plain.model.type == 'TopdownPoseEstimator'
    assert plain.model == cfg.model.student
    assert cfg.model.type == kind, 'the config itself stays'
    assert student_config(plain) is plain


def test_a_student_named_by_its_config_is_read(make_config: Callable[..., Path]) -> None:
    file = make_config()
    cfg = Config(dict(model=dict(type='PoseDistiller', student=dict(config=str(file), checkpoint='missing.pth'))))
    assert student_config(cfg).model == read_config(file).model
