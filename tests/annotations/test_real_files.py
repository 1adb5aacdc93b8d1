"""Real annotation files pass without an error and without a warning, and as many people are used as mmpose reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmpose import datasets

from distilpose.config import ConfigTree, check_annotations

PEOPLE = 'annotations/person_keypoints_'


def dataset(kind: str, root: str, file: str, folder: str = '', **options: Any) -> dict[str, Any]:
    return dict(type=kind, data_root=root, ann_file=file, data_prefix=dict(img=folder), **options)


@pytest.mark.parametrize(('kind', 'root', 'file', 'folder', 'evaluator'), [
    ('CocoDataset', 'coco_mini', PEOPLE + 'train2017.json', 'train2017/', dict(type='CocoMetric')),
    ('CocoDataset', 'coco_mini', PEOPLE + 'val2017.json', 'val2017/', dict(type='CocoMetric')),
    ('CocoDataset', 'lspet', PEOPLE + 'train.json', 'images/', dict(type='CocoMetric')),
    ('CocoDataset', 'lspet', PEOPLE + 'val.json', 'images/', dict(type='CocoMetric', use_area=False)),
    ('CocoDataset', 'mmpose_samples/coco', 'test_coco.json', '', dict(type='CocoMetric')),
    ('CocoWholeBodyDataset', 'mmpose_samples/coco', 'test_coco_wholebody.json', '', dict(type='CocoWholeBodyMetric')),
    ('CrowdPoseDataset', 'mmpose_samples/crowdpose', 'test_crowdpose.json', '',
     dict(type='CocoMetric', use_area=False, iou_type='keypoints_crowd')),
])
def test_people(shared: Path, kind: str, root: str, file: str, folder: str, evaluator: dict[str, Any]) -> None:
    options = dataset(kind, f'{shared}/data/{root}', file, folder)
    cfg = Config(dict(val_dataloader=dict(dataset=options), val_evaluator=dict(
        evaluator, ann_file=f'{options["data_root"]}/{file}')))
    check_annotations(tree := ConfigTree(cfg, ['val']))
    assert not tree.warnings and len(tree.findings) == 2
    read = getattr(datasets, kind)(**{key: value for key, value in options.items() if key != 'type'},
                                   serialize_data=False)
    assert tree.findings[0].used == len(read)


@pytest.mark.parametrize(('kind', 'root', 'file', 'boxes', 'count'), [
    ('CocoDataset', 'coco', 'test_coco.json', 'test_coco_det_AP_H_56.json', 118),
    ('CocoWholeBodyDataset', 'coco', 'test_coco_wholebody.json', 'test_coco_det_AP_H_56.json', 118),
    ('CrowdPoseDataset', 'crowdpose', 'test_crowdpose.json', 'test_crowdpose_det_AP_40.json', 6)])
def test_boxes_of_a_detector(shared: Path, kind: str, root: str, file: str, boxes: str, count: int) -> None:
    folder = f'{shared}/data/mmpose_samples/{root}'
    options = dataset(kind, folder, file, bbox_file=f'{folder}/{boxes}', test_mode=True)
    check_annotations(tree := ConfigTree(Config(dict(test_dataloader=dict(dataset=options))), ['test']))
    assert not tree.warnings and tree.findings[1].used == count


def test_train_and_validation_of_real_data_share_nothing(shared: Path) -> None:
    for root, parts in (('coco_mini', ('train2017', 'val2017')), ('lspet', ('train', 'val'))):
        train, val = (dataset('CocoDataset', f'{shared}/data/{root}', f'{PEOPLE}{part}.json',
                              'images/' if root == 'lspet' else f'{part}/') for part in parts)
        cfg = Config(dict(train_dataloader=dict(dataset=train), val_dataloader=dict(dataset=val)))
        check_annotations(tree := ConfigTree(cfg, ['train', 'val']))
        assert not tree.warnings and len(tree.findings) == 2
        cfg.val_dataloader.dataset = dict(train, ann_file=str(Path(train['data_root'], train['ann_file'])))
        check_annotations(tree := ConfigTree(cfg, ['train', 'val']))
        assert len(tree.warnings) == 1 and 'are trained on as well' in tree.warnings[0]
