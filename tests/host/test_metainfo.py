"""Keypoint definitions that mmpose names by paths inside its own package."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import mmpose
import pytest
from mmpose.datasets.datasets import utils
from mmpose.datasets.datasets.body import CocoDataset

OWN = 'configs/_base_/datasets/coco.py'


def test_mmposes_own_paths_are_found_without_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert CocoDataset._load_metainfo(dict(CocoDataset.METAINFO))['num_keypoints'] == 17
        assert utils.parse_pose_metainfo(dict(from_file=OWN))['dataset_name'] == 'coco'


def test_a_file_in_the_current_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / OWN).parent.mkdir(parents=True)
    shutil.copy(Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets/mpii.py', tmp_path / OWN)
    assert utils.parse_pose_metainfo(dict(from_file=OWN))['num_keypoints'] == 16


def test_another_file_that_is_missing_still_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match='does not exist. A matched config file'):
        utils.parse_pose_metainfo(dict(from_file='mine/coco.py'))
    with pytest.raises(FileNotFoundError, match='mine/people.py'):
        utils.parse_pose_metainfo(dict(from_file='mine/people.py'))
