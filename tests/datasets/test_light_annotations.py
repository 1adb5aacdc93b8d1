"""COCO's people for training are mmpose's, without what serves evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS

from distilpose.config.data import with_fast_data
from distilpose.engine.hooks.randomness import seed_generators
from tests.datasets.test_jpeg import picture
from tests.datasets.transforms.test_lazy_decoding import assert_same, compose, steps


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three, one and two people of three images, one of them without keypoints and one in a crowd."""
    folder, draw, people = tmp_path_factory.mktemp('people'), np.random.default_rng(0), []
    for number, image in enumerate([1, 1, 1, 2, 3, 3, 3]):
        joints = np.column_stack([draw.integers(0, 150, (17, 2)), draw.integers(0, 3, 17)]) * (number != 5)
        people.append(dict(id=number, image_id=image, category_id=1, bbox=[20 + number, 10, 90, 100], area=9000.0,
                           iscrowd=int(number == 6), keypoints=joints.flatten().tolist(),
                           num_keypoints=int((joints[:, 2] > 0).sum()), segmentation=[[1, 2, 3, 4, 5, 6]]))
    images = [dict(id=number, file_name=f'{number}.jpg', width=160, height=120) for number in (1, 2, 3)]
    (folder / 'people.json').write_text(json.dumps(dict(
        images=images, annotations=people, categories=[dict(id=1, name='person')])))
    for image in images:
        cv2.imwrite(str(folder / image['file_name']), picture(160, 120))
    return folder


def build(kind: str | type, folder: Path, **options: object):
    return DATASETS.build(dict(type=kind, data_root=str(folder), ann_file='people.json', **options))


def test_people_are_mmposes(folder: Path) -> None:
    quick, plain = build('QuickCocoDataset', folder), build('CocoDataset', folder)
    assert len(quick) == len(plain) == 5
    for index in range(len(plain)):
        found, expected = quick.get_data_info(index), plain.get_data_info(index)
        assert set(expected) - set(found) == {'raw_ann_info', 'segmentation'}
        assert found.pop('people_in_image') == (3, 1, 1)[found['img_id'] - 1]
        for key, value in found.items():
            np.testing.assert_array_equal(np.asarray(value, object), np.asarray(expected[key], object), key)


def test_a_person_belongs_to_the_caller(folder: Path) -> None:
    quick = build('QuickCocoDataset', folder)
    quick.get_data_info(0)['keypoints'][:] = -1
    assert (quick.get_data_info(0)['keypoints'] >= 0).all()


def test_people_are_complete_where_they_are_evaluated(folder: Path) -> None:
    quick, plain = (build(kind, folder, test_mode=True) for kind in ('QuickCocoDataset', 'CocoDataset'))
    assert set(quick.get_data_info(0)) == set(plain.get_data_info(0))


@pytest.mark.parametrize('together', [False, True])
def test_samples_are_mmposes(folder: Path, together: bool) -> None:
    base = dict(steps(), train_dataloader=dict(dataset=dict(type='CocoDataset')))
    base['train_pipeline'][-1] = dict(type='PackPoseInputs')
    fast = with_fast_data(base, together=together)[2]['dataset']
    assert fast['type'] == 'QuickCocoDataset'
    plain = build('CocoDataset', folder, pipeline=compose(base['train_pipeline']).transforms)
    quick = build('QuickCocoDataset', folder, pipeline=compose(fast['pipeline']).transforms)
    for index in range(len(plain)):
        for seed in range(3):
            seed_generators((seed, index), with_torch=False)
            expected = plain[index]
            expected['data_samples'].pop('raw_ann_info')
            seed_generators((seed, index), with_torch=False)
            assert_same(quick[index], expected)
