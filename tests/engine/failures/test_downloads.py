"""Weights that cannot be downloaded: the entry that names them, and how to start without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.engine.failures.downloads import downloads_as_sentences
from distilpose.host.downloads import CannotDownload

URL = 'https://example.org/a.pth'


@pytest.mark.parametrize(('entry', 'option'), [
    ('load_from', 'load_from'), ('model.backbone.init_cfg.checkpoint', 'model.backbone.init_cfg'),
    ('model.backbone.pretrained', 'model.backbone.pretrained')])
@pytest.mark.parametrize('named', [URL, 'torchvision://resnet50'])
def test_the_entry_and_how_to_start_without(entry: str, option: str, named: str) -> None:
    cfg = Config(dict(model=dict(type='TopdownPoseEstimator', backbone=dict(init_cfg=dict(type='Pretrained')))))
    cfg.merge_from_dict({entry: named})
    with pytest.raises(CannotDownload) as error, downloads_as_sentences(cfg):
        raise CannotDownload(URL, Path('/cache/a.pth'), 'no route')
    assert str(error.value) == (
        f'{URL} cannot be downloaded (no route; named by {entry}); get the file elsewhere and put it at /cache/a.pth, '
        f'or start from random weights with --cfg-options {option}=None')


@pytest.mark.parametrize(('part', 'words'), [
    ('teacher', 'or name a file with --cfg-options model.teacher.checkpoint=FILE'),
    ('student', 'or start from random weights with --cfg-options model.student.checkpoint=None')])
def test_networks_of_a_distillation(part: str, words: str) -> None:
    model: dict[str, Any] = dict(type='PoseDistiller', student=dict(type='TopdownPoseEstimator'), teacher={}, terms={})
    model[part]['checkpoint'] = URL
    with pytest.raises(CannotDownload, match=f'named by model.{part}.checkpoint.*{words}'), \
            downloads_as_sentences(Config(dict(model=model))):
        raise CannotDownload(URL, Path('/cache/a.pth'), 'no route')


def test_an_address_that_the_config_does_not_name() -> None:
    error = CannotDownload(URL, Path('/cache/a.pth'), 'no route')
    with pytest.raises(CannotDownload) as raised, downloads_as_sentences(Config(dict(model=dict(type='A')))):
        raise error
    assert raised.value is error
