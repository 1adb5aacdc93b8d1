"""SimDR's own configs with a network that makes no error: head, decoder, flip test and metric on real people.

What is left is the error of the representation. Joints are lost where they lie outside of their person's crop, so
people of COCO whose labelled joints do so are not asked for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distilpose.config import load_config, merge_options, set_data_root

from .answering import evaluate_faultless_network

ROOT = 'configs/body/2d_kpt_sview_rgb_img/simdr'
UNREFINED = {'model.head.decoder.type': 'UnrefinedHeatmap'}
"""The option that makes a heatmap row one without extra post-processing."""


@pytest.fixture(scope='module')
def coco(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few images of the sample's validation part, in COCO's layout."""
    source, folder = shared / 'data/coco_mini', tmp_path_factory.mktemp('coco')
    content = json.loads((source / 'annotations/person_keypoints_val2017.json').read_text())
    content['images'] = content['images'][:8]
    images = {image['id'] for image in content['images']}
    content['annotations'] = [person for person in content['annotations']
                              if person['image_id'] in images and is_in_its_crop(person)]
    (folder / 'annotations').mkdir()
    (folder / 'annotations/person_keypoints_val2017.json').write_text(json.dumps(content))
    (folder / 'val2017').symlink_to(source / 'val2017')
    return folder


def is_in_its_crop(person: dict[str, Any]) -> bool:
    """Whether all labelled joints lie in the box made a quarter larger, which every crop shows."""
    joints = np.array(person['keypoints']).reshape(-1, 3)
    corner, size = np.array(person['bbox']).reshape(2, 2)
    inside = np.abs(joints[:, :2] - corner - size / 2) < 1.25 * size / 2
    return bool(inside[joints[:, 2] > 0].all())


@pytest.fixture(scope='module')
def mpii(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, whose people get the head box that it lacks: from the neck to the top of the head."""
    folder = tmp_path_factory.mktemp('mpii')
    people = json.loads((shared / 'data/mmpose_samples/mpii/test_mpii.json').read_text())
    for person in people:
        person['headbox'] = [*person['joints'][8], *person['joints'][9]]
    (folder / 'people.json').write_text(json.dumps(people))
    (folder / 'images').symlink_to(shared / 'data/mmpose_samples/mpii')
    return folder


@pytest.fixture(scope='module')
def crowdpose(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's first image at three levels of crowding."""
    folder = tmp_path_factory.mktemp('crowdpose')
    content = json.loads((shared / 'data/mmpose_samples/crowdpose/test_crowdpose.json').read_text())
    image = content['images'][0]
    people = [person for person in content['annotations'] if person['image_id'] == image['id']]
    content['images'] = [dict(image, id=level, crowdIndex=index) for level, index in enumerate((0.05, 0.4, 0.9))]
    content['annotations'] = [dict(person, id=len(people) * level + place, image_id=level)
                              for level in range(3) for place, person in enumerate(people, start=1)]
    (folder / 'people.json').write_text(json.dumps(content))
    (folder / 'images').symlink_to(shared / 'data/mmpose_samples/crowdpose')
    return folder


def figures_on_coco(leaf: str, folder: Path) -> dict[str, float]:
    config = load_config(f'{ROOT}/coco/{leaf}.py')
    set_data_root(config, folder)
    return evaluate_faultless_network(config, bbox_file=None)


def figures_on_mpii(leaf: str, folder: Path, **options: str) -> dict[str, float]:
    config = load_config(f'{ROOT}/mpii/{leaf}.py')
    merge_options(config, options)
    return evaluate_faultless_network(config, data_root=str(folder), ann_file='people.json', headbox_file=None)


def figures_on_crowdpose(leaf: str, folder: Path) -> dict[str, float]:
    config = load_config(f'{ROOT}/crowdpose/{leaf}.py')
    config.val_evaluator.ann_file = str(folder / 'people.json')
    return evaluate_faultless_network(config, data_root=str(folder), ann_file='people.json', bbox_file=None)


@pytest.mark.parametrize('leaf', ['heatmap_hrnet_w32_coco_256x192', 'simdr_hrnet_w32_coco_256x192',
                                  'sa_simdr_hrnet_w48_coco_256x192', 'heatmap_tokenpose_s_coco_64x64',
                                  'simdr_hrnet_w32_coco_64x64'])
def test_coco_is_perfect(leaf: str, coco: Path) -> None:
    figures = figures_on_coco(leaf, coco)
    assert figures['coco/AP'] == pytest.approx(1.0) and figures['coco/AR'] == pytest.approx(1.0)


def test_cells_of_four_pixels_cost_precision_where_images_are_small(coco: Path) -> None:
    """The claim of the paper: SimDR is perfect at this size, see above."""
    assert 0.5 < figures_on_coco('heatmap_hrnet_w32_coco_64x64', coco)['coco/AP'] < 0.9


@pytest.mark.parametrize('leaf', ['simdr_hrnet_w32_mpii_256x256', 'sa_simdr_hrnet_w32_mpii_256x256',
                                  'simdr_hrnet_w32_mpii_64x64'])
def test_mpii_is_perfect_at_every_threshold(leaf: str, mpii: Path) -> None:
    figures = figures_on_mpii(leaf, mpii)
    assert {figures[f'mpii/PCKh@{threshold}'] for threshold in (0.5, 0.1, 0.11)} == {100.0}


def test_cells_of_four_pixels_are_too_coarse_for_a_tenth_of_a_head(mpii: Path) -> None:
    large, small, plain = (figures_on_mpii(f'heatmap_hrnet_w32_mpii_{size}', mpii, **options) for size, options in (
        ('256x256', {}), ('64x64', {}), ('64x64', UNREFINED)))
    assert large['mpii/PCKh@0.5'] == 100 and small['mpii/PCKh@0.5'] > 95
    assert 100 > large['mpii/PCKh@0.11'] >= large['mpii/PCKh@0.1'] > 80 > 30 > small['mpii/PCKh@0.1']
    assert plain['mpii/PCKh@0.1'] < small['mpii/PCKh@0.1']


@pytest.mark.parametrize('leaf', ['heatmap_hrnet_w32_crowdpose_256x192', 'simdr_hrnet_w32_crowdpose_256x192',
                                  'simdr_hrnet_w32_crowdpose_64x64'])
def test_crowdpose_is_perfect_at_every_level(leaf: str, crowdpose: Path) -> None:
    figures = figures_on_crowdpose(leaf, crowdpose)
    assert {'crowdpose/AP', 'crowdpose/AP(E)', 'crowdpose/AP(M)', 'crowdpose/AP(H)'} < set(figures)
    assert figures == pytest.approx(dict.fromkeys(figures, 1.0))
