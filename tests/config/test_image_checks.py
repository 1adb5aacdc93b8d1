"""Images of data sets, looked at before anything is built."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from distilpose.config import ConfigTree, load_config
from distilpose.config.image_checks import check_image_files, reads_coco, used_images
from distilpose.errors import DistilPoseError
from distilpose.image_files import check_images

MakeConfig = Callable[..., Path]
ANN_FILE = 'annotations/people.json'


@DATASETS.register_module(force=True)
class OwnFormOfImages(BaseCocoStyleDataset):
    """Finds images in its own way."""

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        return super().parse_data_info(raw_data_info)


@pytest.fixture
def cfg(make_config: MakeConfig, tiny_data: Path, tmp_path: Path) -> Config:
    """A config whose data a test may change."""
    root = tmp_path / 'data'
    shutil.copytree(tiny_data, root)
    config = load_config(make_config())
    for name in ('train', 'val'):
        config[f'{name}_dataloader'].dataset.data_root = f'{root}/'
    return config


def root_of(cfg: Config) -> Path:
    return Path(cfg.train_dataloader.dataset.data_root)


def change(cfg: Config, how: Callable[[dict[str, Any]], Any]) -> None:
    file = root_of(cfg) / ANN_FILE
    content = json.loads(file.read_text())
    how(content)
    file.write_text(json.dumps(content))


def warnings(cfg: Config, *loaders: str) -> list[str]:
    tree = ConfigTree(cfg, loaders or ('train', 'val'))
    check_image_files(tree)
    return tree.warnings


def test_whole_images_need_no_word(cfg: Config) -> None:
    assert warnings(cfg) == []


def test_broken_images_of_training_and_validation(cfg: Config) -> None:
    (root_of(cfg) / 'images/003.png').write_bytes(b'')
    named = r'1 of 12 images cannot be read, .*people\.json \(named by {}_dataloader\.dataset\) .*003\.png is empty'
    with pytest.raises(DistilPoseError, match=named.format('train')):
        warnings(cfg, 'train')
    cfg.default_hooks = dict(skipped_images=dict(max_share=0.1))
    assert len(warnings(cfg, 'train')) == 1
    for loaders in (['train', 'val'], ['val']):
        with pytest.raises(DistilPoseError, match=f'{named.format("val")}.*--no-validate'):
            warnings(cfg, *loaders)


def test_names_of_another_case_or_suffix(cfg: Config) -> None:
    change(cfg, lambda content: content['images'][2].update(file_name='003.PNG'))
    with pytest.raises(DistilPoseError, match=r'images/003\.PNG is missing\..* Did you mean 003\.png'):
        warnings(cfg)


def test_a_wrong_folder(cfg: Config) -> None:
    cfg.train_dataloader.dataset.data_prefix.img = 'annotations/'
    with pytest.raises(DistilPoseError, match=r'none of the 12 images .* is in .*annotations/: .*annotations/001\.png '
                                              r'was looked for\. Such a file is .*images/001\.png'):
        warnings(cfg)


def test_sizes_are_compared(cfg: Config) -> None:
    change(cfg, lambda content: [image.update(width=20, height=15) for image in content['images']])
    with pytest.raises(DistilPoseError, match='12 of 12 images .* have another width and height .* 12 of 12 people'):
        warnings(cfg)


@pytest.mark.parametrize('lines', [
    ['train_dataloader.dataset.backend_args', dict(backend='petrel')],
    ['train_dataloader.dataset.pipeline.0.backend_args', dict(backend='petrel')],
    ['train_dataloader.dataset.data_prefix.img', 's3://bucket/images/'],
    ['train_dataloader.dataset.type', 'OwnFormOfImages'],
    ['train_dataloader.dataset.lazy_init', True]])
def test_images_elsewhere_and_other_data_sets_are_left_alone(cfg: Config, lines: list[Any]) -> None:
    (root_of(cfg) / 'images/003.png').unlink()
    cfg.merge_from_dict({lines[0]: lines[1]})
    assert warnings(cfg, 'train') == []


@pytest.mark.parametrize('changes', [
    {'indices': 2}, {'indices': [0, 1, -1]}, {'indices': -3}, {'sample_interval': 2}])
def test_only_images_that_are_used_are_looked_for(cfg: Config, changes: dict[str, Any]) -> None:
    dataset = dict(cfg.train_dataloader.dataset, **changes, pipeline=[])
    content = json.loads((root_of(cfg) / ANN_FILE).read_text())
    for annotation, change in zip(content['annotations'][3:6], (
            dict(iscrowd=1), dict(num_keypoints=0), dict(bbox=[1, 1, 0, 5])), strict=True):
        annotation.update(change)
    (root_of(cfg) / ANN_FILE).write_text(json.dumps(content))
    table = used_images(content, dataset, source='', named_by='', folder='')
    built = DATASETS.build(dict(dataset, _scope_='mmpose'))
    assert set(table.names) == {Path(built.get_data_info(index)['img_path']).name for index in range(len(built))}


def test_a_process_beside_the_first_leaves_the_check_to_it(cfg: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    (root_of(cfg) / 'images/003.png').unlink()
    monkeypatch.setenv('LOCAL_RANK', '1')
    assert warnings(cfg) == []


def test_which_data_sets_read_as_coco() -> None:
    found = {name: reads_coco(DATASETS.get(f'mmpose.{name}'))
             for name in ('CocoDataset', 'CocoWholeBodyDataset', 'CrowdPoseDataset', 'MpiiDataset')}
    assert found == dict(CocoDataset=True, CocoWholeBodyDataset=True, CrowdPoseDataset=True, MpiiDataset=False)
    assert reads_coco(DATASETS.get('QuickCocoDataset')) and not reads_coco(OwnFormOfImages)


@pytest.mark.parametrize(('file', 'folder', 'boxes'), [
    ('coco_mini/annotations/person_keypoints_train2017.json', 'coco_mini/train2017', None),
    ('coco_mini/annotations/person_keypoints_val2017.json', 'coco_mini/val2017', None),
    ('lspet/annotations/person_keypoints_train.json', 'lspet/images', None),
    ('mmpose_samples/coco/test_coco.json', 'mmpose_samples/coco', None),
    ('mmpose_samples/coco/test_coco_wholebody.json', 'mmpose_samples/coco', None),
    ('mmpose_samples/coco/test_coco.json', 'mmpose_samples/coco', 'mmpose_samples/coco/test_coco_det_AP_H_56.json'),
    ('mmpose_samples/crowdpose/test_crowdpose.json', 'mmpose_samples/crowdpose', None)])
def test_real_images_pass(shared: Path, file: str, folder: str, boxes: str | None) -> None:
    content = json.loads((shared / 'data' / file).read_text())
    dataset = dict(bbox_file=None if boxes is None else str(shared / 'data' / boxes), test_mode=True)
    table = used_images(content, dataset, source=file, named_by='', folder=str(shared / 'data' / folder))
    assert len(table.names) > 0 and check_images(table, is_training=False) == []
