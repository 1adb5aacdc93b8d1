"""Reading configs by the name that the command line or another config gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.config import PROJECT_ROOT, load_config, paths, read_config, reading
from distilpose.errors import DistilPoseError
from distilpose.host import config_paths

DISTILPOSE = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py'


@pytest.mark.parametrize('folder', ['.', '/'])
def test_configs_of_the_project_are_found_from_anywhere(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert read_config(DISTILPOSE).model.type == 'PoseDistiller'


def test_the_current_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'mine.py').write_text('model = dict(type="Mine")\n')
    monkeypatch.chdir(tmp_path)
    assert read_config('configs/mine.py').model.type == 'Mine'


def test_configs_of_mmpose_are_found() -> None:
    name = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'
    assert read_config(name).model.type == 'TopdownPoseEstimator'


def test_a_missing_config_suggests_similar_ones() -> None:
    with pytest.raises(DistilPoseError, match='did you mean .*DistilPose_S_coco_256x192.py'):
        read_config('configs/DistilPose_S_coco_256x129.py')


def test_a_missing_config_unlike_any_says_where_it_looked() -> None:
    with pytest.raises(DistilPoseError, match='looked from'):
        read_config('qqqqqqq.py')


@pytest.mark.parametrize(('text', 'words'), [
    ('model = dict(', 'SyntaxError'),
    ('model = undefined_name', 'NameError.*undefined_name'),
    ("_base_ = 'no_such_base.py'", 'no_such_base.py'),
    ("custom_imports = dict(imports=['no_such_package'], allow_failed_imports=False)", 'no_such_package'),
])
def test_a_broken_config_says_what_is_wrong(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / 'broken.py').write_text(text)
    with pytest.raises(DistilPoseError, match=words):
        read_config(tmp_path / 'broken.py')


BASELINE = 'distilpose::quickstart/baseline.py'


def test_a_prefix_names_the_packages_configs_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = load_config('configs/quickstart/baseline.py')
    for read in (read_config, load_config):
        cfg = read(BASELINE)
        assert cfg.to_dict() == expected.to_dict()
        assert cfg.filename == str(PROJECT_ROOT / 'configs/quickstart/baseline.py')


def test_a_missing_config_behind_a_prefix_suggests_names_with_it() -> None:
    with pytest.raises(DistilPoseError, match='did you mean distilpose::quickstart/baseline.py'):
        read_config('distilpose::quickstart/basline.py')
    with pytest.raises(DistilPoseError, match='looked in .*configs'):
        read_config('distilpose::qqqqqqq.py')


def test_an_installed_package_looks_for_data_in_the_current_directory(tmp_path: Path,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Its configs find data beside their folder, as those of a checkout do."""
    package, here = tmp_path / 'package', tmp_path / 'here'
    here.mkdir()
    for name in ('_base_', 'quickstart'):
        (package / 'configs').mkdir(parents=True, exist_ok=True)
        (package / 'configs' / name).symlink_to(PROJECT_ROOT / 'configs' / name)
    for module in (config_paths, paths):
        monkeypatch.setattr(module, 'CONFIGS', package / 'configs')
        monkeypatch.setattr(module, 'PROJECT_ROOT', package)
        monkeypatch.setattr(module, 'IS_INSTALLED', True)
    monkeypatch.setattr(reading, 'IS_INSTALLED', True)
    monkeypatch.chdir(here)
    for name in (BASELINE, 'configs/quickstart/baseline.py'):
        cfg = read_config(name)
        assert cfg.data_root == f'{here}/data/synthetic_people/'
        assert cfg.train_dataloader.dataset.data_root == cfg.data_root
        assert cfg.filename == f'{package}/configs/quickstart/baseline.py'
        assert str(package) not in cfg.dump()
    assert paths.project_path('teacher_chkpts/a.pth') == here / 'teacher_chkpts/a.pth'
    (here / 'configs').mkdir()
    (here / 'configs' / 'mine.py').write_text('model = dict(type="Mine")')
    assert load_config('configs/mine.py').model.type == 'Mine'
