"""Files that a config names: missing ones are refused with their entry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config import check_checkpoint_files, check_data_files, read_config
from distilpose.errors import DistilPoseError


def test_existing_data_passes(make_config: Callable[..., Path]) -> None:
    check_data_files(read_config(make_config()), ['train', 'val', 'test'])


@pytest.mark.parametrize(('key', 'value', 'words'), [
    ('train_dataloader.dataset.data_root', '/nowhere', 'no /nowhere .*train_dataloader.dataset.data_root=...'),
    ('train_dataloader.dataset.ann_file', 'x.json', 'x.json.*train_dataloader.dataset.ann_file.*--data-root DIR'),
    ('train_dataloader.dataset.data_prefix.img', 'pictures', 'pictures.*data_prefix.img'),
    ('val_dataloader.dataset.bbox_file', '/b.json', '/b.json.*ground-truth boxes.*val_dataloader.*bbox_file=None'),
    ('val_evaluator.ann_file', '/e.json', '/e.json.*val_evaluator.ann_file'),
])
def test_missing_data_is_named(make_config: Callable[..., Path], key: str, value: str, words: str) -> None:
    cfg = read_config(make_config())
    cfg.merge_from_dict({key: value})
    with pytest.raises(DistilPoseError, match=words):
        check_data_files(cfg, ['train', 'val'])


def test_data_of_other_loaders_is_not_asked_for(make_config: Callable[..., Path]) -> None:
    cfg = read_config(make_config())
    cfg.merge_from_dict({'val_dataloader.dataset.ann_file': 'x.json'})
    check_data_files(cfg, ['train', 'test'])


def test_data_behind_another_backend_is_not_looked_for() -> None:
    cfg = Config(dict(train_dataloader=dict(dataset=dict(ann_file='s3/x.json', backend_args=dict(backend='petrel')))))
    check_data_files(cfg, ['train'])


def test_data_inside_combined_data_sets_is_looked_for() -> None:
    inner = dict(type='CocoDataset', data_root='/nowhere')
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type='CombinedDataset', datasets=[inner]))))
    with pytest.raises(DistilPoseError, match=r'dataset.datasets\[0\].data_root'):
        check_data_files(cfg, ['train'])


@pytest.mark.parametrize(('cfg', 'words'), [
    (dict(load_from='/no.pth'), 'which load_from names'),
    (dict(model=dict(type='PoseDistiller', teacher=dict(checkpoint='no/such.pth'))), 'model.teacher.checkpoint'),
    (dict(model=dict(type='PoseDistiller', student=dict(checkpoint='/no.pth'))), 'model.student.checkpoint'),
])
def test_missing_checkpoints_are_named(cfg: dict[str, Any], words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_checkpoint_files(Config(cfg))


def test_checkpoints_elsewhere_are_left_to_the_download() -> None:
    check_checkpoint_files(Config(dict(load_from='https://example.org/x.pth')))
