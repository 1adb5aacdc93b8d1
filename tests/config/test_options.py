"""Changing configs from the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config import PROJECT_ROOT, merge_options, parse_value, read_config, set_data_root
from distilpose.errors import DistilPoseError

DISTILPOSE = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py'


def config(**kwargs: Any) -> Config:
    return Config(dict(model=dict(type='A', head=dict(depth=2)), data_root='/old/coco/', codec=dict(sigma=2), **kwargs))


@pytest.mark.parametrize(('text', 'value'), [
    ('1', 1), ('None', None), ('(1,2)', (1, 2)), ('[x,y]', ['x', 'y']), ('my folder/x', 'my folder/x'), ('True', True),
    ('a=b', 'a=b')])
def test_values_are_read_like_python_and_keep_spaces(text: str, value: Any) -> None:
    assert parse_value(text) == value and type(parse_value(text)) is type(value)


def test_unbalanced_brackets_are_refused() -> None:
    with pytest.raises(DistilPoseError, match='unbalanced'):
        parse_value('[1,(2]')


def test_known_options_change_silently() -> None:
    cfg = config(train_dataloader=dict(dataset=dict(pipeline=[dict(type='LoadImage'), dict(type='Flip', prob=0.5)])))
    assert merge_options(cfg, {'model.head.depth': 6, 'train_dataloader.dataset.pipeline.1.prob': 0.1}) == []
    assert cfg.model.head.depth == 6
    assert cfg.train_dataloader.dataset.pipeline[1].prob == 0.1


@pytest.mark.parametrize(('key', 'words'), [
    ('model.head.dept', "is new.*'dept'.*did you mean 'depth'"),
    ('modle.head.depth', "is new.*'modle'.*did you mean 'model'"),
    ('codec.sigma', 'has no effect'),
])
def test_doubtful_options_are_warned_about(key: str, words: str) -> None:
    warnings = merge_options(config(), {key: 3})
    assert len(warnings) == 1
    assert re.search(words, warnings[0])


@pytest.mark.parametrize('key', ['model.type.name', 'steps.7.lr', 'steps.first.lr'])
def test_options_that_do_not_fit_are_refused(key: str) -> None:
    with pytest.raises(DistilPoseError, match='does not fit the config'):
        merge_options(config(steps=[dict(lr=1)]), {key: 1})


def test_files_that_options_name_are_found_from_the_current_directory(tmp_path: Path,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'teacher.pth').touch()
    monkeypatch.chdir(tmp_path)
    cfg = config()
    merge_options(cfg, {'model.checkpoint': 'teacher.pth', 'load_from': 'elsewhere.pth'})
    assert cfg.model.checkpoint == str(tmp_path / 'teacher.pth')
    assert cfg.load_from == 'elsewhere.pth'


def test_data_root_moves_every_path_below_it() -> None:
    cfg = config(
        train_dataloader=dict(dataset=dict(data_root='/old/coco/', ann_file='annotations/a.json')),
        val_dataloader=dict(dataset=dict(bbox_file='/old/coco/boxes.json', other='/old/coco2/x')),
        val_evaluator=[dict(ann_file='/old/coco/annotations/b.json')])
    set_data_root(cfg, '/new/place/')
    assert cfg.data_root == '/new/place/'
    assert cfg.train_dataloader.dataset.to_dict() == dict(data_root='/new/place/', ann_file='annotations/a.json')
    assert cfg.val_dataloader.dataset.bbox_file == '/new/place/boxes.json'
    assert cfg.val_dataloader.dataset.other == '/old/coco2/x'
    assert cfg.val_evaluator[0].ann_file == '/new/place/annotations/b.json'


def test_data_root_is_taken_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cfg = config()
    set_data_root(cfg, 'coco')
    assert cfg.data_root == f'{tmp_path}/coco/'


def test_data_root_of_a_config_without_one_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='no top-level data_root'):
        set_data_root(Config(dict(model=dict())), '/new')


def test_every_path_of_a_published_config_moves() -> None:
    cfg = read_config(DISTILPOSE)
    set_data_root(cfg, '/new')
    assert str(PROJECT_ROOT / 'data') not in cfg.dump()
