"""Paths that do not exist: the sentences of the package, before it is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.checkpoints import load_file
from distilpose.config import paths as of_package
from distilpose.config import read_config, working_root
from distilpose.errors import DistilPoseError
from distilpose_cli import paths
from distilpose_cli.command import WrongInput

DISTILPOSE = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py'


def test_the_folders_are_those_of_the_package() -> None:
    assert paths.PROJECT_ROOT == of_package.PROJECT_ROOT and paths.IS_INSTALLED == of_package.IS_INSTALLED
    assert paths.working_root() == working_root()


@pytest.mark.parametrize('name', [
    'configs/DistilPose_S_coco_256x129.py', 'configs/_base_/runtime/defualt.py', 'qqqqqqq.py',
    'configs/_base_/runtime/cpus.py', '/nowhere/x.py', 'distilpose::any.py', 'distilpose::quickstart/basline.py',
    'distilpose::_base_/runtime/cpus.py'])
def test_a_missing_config_has_the_sentence_of_the_package(name: str, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DistilPoseError) as expected:
        read_config(name)
    with pytest.raises(WrongInput) as found:
        paths.require_config(name)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize('name', [
    DISTILPOSE, str(paths.PROJECT_ROOT / DISTILPOSE), 'mine.py', './mine.py', 'mmpose::any.py',
    'distilpose::quickstart/baseline.py', 'configs'])
def test_what_the_package_may_find_is_left_to_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'mine.py').touch()
    paths.require_config(name)


def test_a_missing_checkpoint_has_the_sentence_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DistilPoseError) as expected:
        load_file('no.pth')
    with pytest.raises(WrongInput) as found:
        paths.require_checkpoint('no.pth')
    assert str(found.value) == str(expected.value)
    (tmp_path / 'no.pth').touch()
    paths.require_checkpoint('no.pth')
