"""Bases of configs that are named with the package's prefix."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from distilpose.config.walk import dictionaries
from distilpose.errors import DistilPoseError
from distilpose.host import config_paths

HRNET = 'body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py'


def write(folder: Path, base: str, *, text: str = '') -> Path:
    (folder / 'mine.py').write_text(f'_base_ = {base!r}\n{text}')
    return folder / 'mine.py'


def scopes(cfg: Config) -> set[str]:
    return {node['_scope_'] for _, node in dictionaries(cfg._cfg_dict, '') if '_scope_' in node}


@pytest.mark.parametrize('text', ['', 'model = _base_.model\ntrain_pipeline = _base_.train_pipeline\n'])
def test_a_base_with_the_prefix_is_the_file_itself(text: str, tmp_path: Path) -> None:
    """What a base of another package defines is marked with a scope; this package has no registry of that name."""
    by_prefix = Config.fromfile(write(tmp_path, 'distilpose::quickstart/baseline.py', text=text))
    by_path = Config.fromfile(write(tmp_path, str(config_paths.CONFIGS / 'quickstart/baseline.py'), text=text))
    assert by_prefix.to_dict() == by_path.to_dict()
    assert scopes(by_prefix) == set()


def test_a_base_of_a_base_may_have_the_prefix(tmp_path: Path) -> None:
    write(tmp_path, 'distilpose::_base_/runtime/cpu.py')
    (tmp_path / 'outer.py').write_text("_base_ = ['mine.py', 'distilpose::_base_/models/hourglass_1x32.py']")
    cfg = Config.fromfile(tmp_path / 'outer.py')
    assert cfg.model.type == 'TopdownPoseEstimator' and 'default_hooks' in cfg


def test_bases_of_mmpose_stay_as_they_are(tmp_path: Path) -> None:
    cfg = Config.fromfile(write(tmp_path, f'mmpose::{HRNET}'))
    assert cfg.model.backbone.type == 'HRNet' and scopes(cfg) == {'mmpose'}


def test_a_base_that_does_not_exist_suggests_similar_ones(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='did you mean distilpose::_base_/runtime/cpu.py'):
        Config.fromfile(write(tmp_path, 'distilpose::_base_/runtime/cpus.py'))


def test_installing_twice_changes_nothing() -> None:
    installed = Config._get_cfg_path
    config_paths.install()
    assert Config._get_cfg_path is installed


def test_suggestions_keep_the_form_of_the_name() -> None:
    assert 'distilpose::quickstart/teacher.py' in config_paths.suggest('distilpose::quickstart/teachers.py')
    assert 'configs/quickstart/teacher.py' in config_paths.suggest('configs/quickstart/teachers.py')
    assert '_base_' not in config_paths.suggest('configs/default.py')
    assert 'distilpose::_base_/runtime/default.py' in config_paths.suggest('distilpose::_base_/runtime/defaults.py')
    assert config_paths.suggest('configs/qqqqqqq.py') == ''
