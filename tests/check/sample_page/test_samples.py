"""Samples of the page are those of a training, and nothing is changed by looking at them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS

from distilpose.check.sample_page import draw_samples, list_sources
from distilpose.engine import read_config
from distilpose.engine.hooks.randomness import SAMPLE_STREAM, SeededPreparation
from tests.engine.tiny import write_config, write_data

LAZY = """
dataset_type = 'QuickCocoDataset'
train_pipeline = [
    dict(type='LoadEncodedImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform'), dict(type='DecodingTopdownAffine', input_size=(48, 64)),
    dict(type='GenerateTarget', encoder=codec), dict(type='PackTrainingInputs')]
train_dataloader = dict(dataset=dict(type=dataset_type, pipeline=train_pipeline))
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``write_data``, with JPEG files, and hidden keypoints on the left."""
    folder = write_data(tmp_path_factory.mktemp('jpeg') / 'data')
    for file in (folder / 'images').iterdir():
        cv2.imwrite(str(file.with_suffix('.jpg')), cv2.imread(str(file)))
    annotations = folder / 'annotations/people.json'
    content = json.loads(annotations.read_text().replace('.png', '.jpg'))
    for person in content['annotations']:
        person['keypoints'][3 * 5 + 2] = 1  # the left shoulder
    annotations.write_text(json.dumps(content))
    return folder


def build(folder: Path, data: Path, extra: str = '') -> Any:
    config = read_config(write_config(folder / 'config.py', data))
    if extra:
        options = dict(codec=config.codec)
        exec(extra, options)
        config.merge_from_dict(dict(train_dataloader=options['train_dataloader']))
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(config.train_dataloader.dataset)


def draw(dataset: Any, *, people: int = 4, draws: int = 3, seed: int = 5) -> list[Any]:
    return list(draw_samples(dataset, list_sources(dataset), people=people, draws=draws, seed=seed))


@pytest.mark.parametrize('extra', ['', LAZY], ids=['plain', 'lazy and staged'])
def test_samples_are_those_of_the_training(extra: str, tmp_path: Path, data: Path) -> None:
    dataset, trained = build(tmp_path, data, extra), build(tmp_path, data, extra)
    trained.prepare_data = SeededPreparation(trained.prepare_data, stream=(5, SAMPLE_STREAM), length=len(trained))
    drawn = [sample for samples in draw(dataset) for sample in samples]
    assert len(drawn) == 12 and len({sample.epoch for sample in drawn}) >= 3
    for sample in drawn:
        trained.prepare_data.epoch.fill_(sample.epoch)
        expected, = (trained.__getitems__([sample.index]) if extra else [trained[sample.index]])
        assert torch.equal(sample.packed['inputs'], expected['inputs'])
        assert torch.equal(sample.packed['data_samples'].gt_instance_labels.keypoint_labels,
                           expected['data_samples'].gt_instance_labels.keypoint_labels)
        np.testing.assert_allclose(  # what is drawn is what is learnt
            sample.points / (48, 64), expected['data_samples'].gt_instance_labels.keypoint_labels[0], atol=1e-6)


def test_looking_changes_nothing(tmp_path: Path, data: Path) -> None:
    dataset = build(tmp_path, data)
    before = dict(vars(dataset)), random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    first = draw(dataset)
    assert vars(dataset) == before[0] and random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2]) and torch.equal(torch.get_rng_state(), before[3])
    np.random.seed(99)
    again = draw(dataset)
    for one, other in zip(first, again, strict=True):
        assert [sample.epoch for sample in one] == [sample.epoch for sample in other]
        assert all(torch.equal(a.packed['inputs'], b.packed['inputs']) for a, b in zip(one, other, strict=True))


def test_every_person_is_flipped_once_and_keeps_its_sides(tmp_path: Path, data: Path) -> None:
    for samples in draw(build(tmp_path, data)):
        assert {sample.flip for sample in samples} == {None, 'horizontal'}
        for sample in samples:  # in the mirror the left shoulder is the right one
            hidden = 6 if sample.flip else 5
            assert sample.visible[hidden] == 1 and (np.delete(sample.visible, hidden) != 1).all()


def test_a_sample_that_fails_is_named(tmp_path: Path, data: Path) -> None:
    dataset, broken = build(tmp_path, data), data / 'images' / 'broken.jpg'
    broken.write_bytes(b'no image')
    read = dataset.get_data_info
    dataset.get_data_info = lambda idx: dict(read(idx), img_path=str(broken))
    (sample,), = draw(dataset, people=1, draws=1)
    assert sample.packed is None and sample.error and sample.title.startswith('broken.jpg, id ')
