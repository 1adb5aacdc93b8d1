"""CrowdPose's figures: the AP of all images, and of easy, medium and hard ones."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from distilpose.config import load_config

from .answering import evaluate_ground_truth

CONFIG = 'configs/_base_/datasets/crowdpose_256x192_heatmap.py'
NAMES = ('AP', 'AP .5', 'AP .75', 'AR', 'AR .5', 'AR .75', 'AP(E)', 'AP(M)', 'AP(H)')


def make_crowd(folder: Path, *, levels: tuple[float, ...] = (0.0, 0.15, 0.3, 0.75, 0.9, 1.0)) -> Path:
    """An image for every crowd index with three people of 14 joints, a third of which is not labelled."""
    random = np.random.default_rng(0)
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for index, level in enumerate(levels):
        images.append(dict(id=100 + index, file_name=f'{index}.jpg', width=300, height=200, crowdIndex=level))
        cv2.imwrite(str(folder / f'{index}.jpg'), np.zeros((200, 300, 3), np.uint8))
        for place in range(3):
            labelled = random.permutation([0] * 5 + [1] * 3 + [2] * 6)
            xy = random.uniform(5, 90, (14, 2)) + [100 * place, 50]
            keypoints = np.c_[xy.round(), labelled] * (labelled > 0)[:, None]
            people.append(dict(id=len(people) + 1, image_id=100 + index, category_id=1, iscrowd=0,
                               bbox=[100 * place, 50, 95, 95], num_keypoints=9, keypoints=keypoints.ravel().tolist()))
    categories = [dict(id=1, name='person')]
    (folder / 'people.json').write_text(json.dumps(dict(images=images, annotations=people, categories=categories)))
    return folder


def evaluate(folder: Path, *, annotations: str = 'people.json', head: str = 'regression', shift: float = 0.0,
             with_file: bool = True) -> dict[str, float]:
    config = load_config(CONFIG)
    config.val_evaluator.ann_file = str(folder / annotations) if with_file else None
    figures = evaluate_ground_truth(config, head=head, shift=shift, data_root=str(folder), ann_file=annotations,
                                    bbox_file=None, data_prefix=dict(img=''))
    assert list(figures) == [f'crowdpose/{name}' for name in NAMES]
    return {name.removeprefix('crowdpose/'): value for name, value in figures.items()}


@pytest.mark.parametrize('with_file', [True, False], ids=['annotation file', 'annotations of the data set'])
def test_ground_truth_as_prediction_is_perfect_at_every_level(tmp_path: Path, with_file: bool) -> None:
    assert evaluate(make_crowd(tmp_path), with_file=with_file) == pytest.approx(dict.fromkeys(NAMES, 1.0))


def test_heatmaps_of_the_ground_truth_are_nearly_perfect(tmp_path: Path) -> None:
    assert min(evaluate(make_crowd(tmp_path), head='heatmap').values()) > 0.97


def test_wrong_answers_are_worth_nothing_at_any_level(tmp_path: Path) -> None:
    assert max(evaluate(make_crowd(tmp_path), shift=100.0).values()) == 0.0


def test_a_level_is_of_its_own_images(tmp_path: Path) -> None:
    """Joints of the hard images' annotations are moved away from the truth that is answered."""
    make_crowd(tmp_path)
    content = json.loads((tmp_path / 'people.json').read_text())
    for person in content['annotations']:
        if person['image_id'] >= 104:  # crowd indices 0.9 and 1
            person['keypoints'] = (np.array(person['keypoints']) + np.tile([200, 0, 0], 14)).tolist()
    (tmp_path / 'moved.json').write_text(json.dumps(content))
    config = load_config(CONFIG)
    config.val_evaluator.ann_file = str(tmp_path / 'moved.json')
    figures = evaluate_ground_truth(config, head='regression', data_root=str(tmp_path), ann_file='people.json',
                                    bbox_file=None, data_prefix=dict(img=''))
    levels = [figures[f'crowdpose/AP({level})'] for level in 'EMH']
    assert levels == pytest.approx([1, 1, 0]) and 0 < figures['crowdpose/AP'] < 1


def test_a_level_without_images_has_no_figure(tmp_path: Path) -> None:
    """-1, as pycocotools says of anything that has no ground truth."""
    figures = evaluate(make_crowd(tmp_path, levels=(0.3, 0.5)))
    assert (figures['AP(E)'], figures['AP(M)'], figures['AP(H)']) == (-1, 1, -1)


@pytest.mark.parametrize('level, name', [(0.1, 'AP(E)'), (None, 'AP(M)'), (0.9, 'AP(H)')])
def test_mmposes_sample(shared: Path, tmp_path: Path, level: float | None, name: str) -> None:
    """Both of its images are medium; told to be easy or hard, they are perfect there."""
    folder = shared / 'data/mmpose_samples/crowdpose'
    for image in folder.glob('*.jpg'):
        shutil.copy(image, tmp_path)
    content = copy.deepcopy(json.loads((folder / 'test_crowdpose.json').read_text()))
    for image in content['images']:
        image['crowdIndex'] = image['crowdIndex'] if level is None else level
    (tmp_path / 'people.json').write_text(json.dumps(content))
    figures = evaluate(tmp_path)
    expected = {key: -1.0 if key.startswith('AP(') and key != name else 1.0 for key in NAMES}
    assert figures == pytest.approx(expected)
