"""Data of the whole body: the published settings, and every base on made-up data in the layout of the real one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, KEYPOINT_CODECS

from distilpose.config import PROJECT_ROOT, build_estimator, check_data_files, check_input_sizes, load_config
from distilpose.config.options import merge_options, set_data_root
from distilpose.errors import DistilPoseError
from distilpose.synthetic import make_dataset
from tests.datasets.ubody_form import SCENES, write_ubody
from tests.engine import tiny  # noqa: F401  (registers TinyBackbone)

FOLDER = Path('configs/_base_/datasets/wholebody')
BASES = sorted(path.stem for path in (PROJECT_ROOT / FOLDER).glob('*.py'))
PUBLISHED = [name for name in BASES if name != 'synthetic_128x96']


def load(name: str) -> Config:
    return load_config(FOLDER / f'{name}.py')


def build(dataset: Any) -> Any:
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(dataset)


@pytest.fixture(scope='module')
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp('whole_body') / 'people', images=12, seed=0, size=192,
                        val_fraction=0.5)


@pytest.fixture(scope='module')
def data(people: Path) -> Path:
    """A folder with ``coco`` and ``UBody``, each with made-up people."""
    root = people.parent / 'data'
    write_ubody(root / 'UBody')
    for split in ('train', 'val'):
        shutil.copytree(people / 'images' / split, root / f'coco/{split}2017')
        target = root / f'coco/annotations/coco_wholebody_{split}_v1.0.json'
        target.parent.mkdir(exist_ok=True)
        shutil.copy(people / f'annotations/coco_wholebody_{split}.json', target)
    boxes = root / 'coco/person_detection_results/COCO_val2017_detections_AP_H_56_person.json'
    boxes.parent.mkdir()
    shutil.copy(people / 'person_detection_results/detections_val.json', boxes)
    return root


def moved(name: str, people: Path, data: Path) -> Config:
    """The base with its data where the fixtures have made some."""
    config = load(name)
    if name.startswith('coco_ubody'):
        merge_options(config, {'train_dataloader.dataset.datasets.1.scenes': list(SCENES)})
        set_data_root(config, data)
    else:
        set_data_root(config, people if name.startswith('synthetic') else data / 'coco')
    return config


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_settings(name: str) -> None:
    config = load(name)
    width, height, sigma, batch = (192, 256, (4.9, 5.66), 64) if '256x192' in name else (288, 384, (6.0, 6.93), 32)
    assert dict(config.codec) == dict(type='SimCCLabel', input_size=(width, height), sigma=sigma,
                                      simcc_split_ratio=2.0, normalize=False, use_dark=False)
    assert config.train_dataloader.batch_size == batch
    first, last = (((0.5, 1.5), 90), ) * 2 if name.endswith('wide') else (((0.6, 1.4), 80), ((0.75, 1.25), 60))
    for pipeline, (scale, rotation), options, dropout in (
            (config.train_dataloader.dataset.pipeline, first, {}, 1.0),
            (config.final_pipeline, last, dict(shift_factor=0.0), 0.5)):
        assert [step.type for step in pipeline] == [
            'LoadImage', 'GetBBoxCenterScale', 'RandomFlip', 'RandomHalfBody', 'RandomBBoxTransform', 'TopdownAffine',
            'YOLOXHSVRandomAug', 'RandomBlur', 'RandomBlur', 'CoarseDropout', 'GenerateTarget', 'PackPoseInputs']
        assert dict(pipeline[4]) == dict(type='RandomBBoxTransform', scale_factor=scale, rotate_factor=rotation,
                                         **options)
        assert dict(pipeline[5]) == dict(type='TopdownAffine', input_size=(width, height))
        assert [step.kind for step in pipeline[7:9]] == ['mean', 'median'] and pipeline[9].prob == dropout
        assert pipeline[10].encoder == config.codec


@pytest.mark.parametrize('name', BASES)
def test_sizes_agree_and_sigmas_grow_with_the_root_of_the_size(name: str) -> None:
    config = load(name)
    check_input_sizes(config)
    np.testing.assert_allclose(config.codec.sigma, 6 * np.sqrt(np.array(config.codec.input_size) / 288), atol=0.006)


@pytest.mark.parametrize('name', [name for name in BASES if not name.endswith('wide')])
def test_people_come_out_of_the_pipelines(name: str, people: Path, data: Path) -> None:
    config = moved(name, people, data)
    check_data_files(config, ['train', 'val'])
    dataset = build(config.train_dataloader.dataset)
    width, height = config.codec.input_size
    picks = [0, len(dataset) - 1]  # of a combined set: from the first and from the last
    np.random.seed(0)
    for item in (dataset[index] for index in picks):
        labels = item['data_samples'].gt_instance_labels
        assert item['inputs'].shape == (3, height, width) and item['inputs'].float().std() > 0
        assert labels.keypoint_x_labels.shape == (1, 133, 2 * width)
        assert labels.keypoint_y_labels.shape == (1, 133, 2 * height)
        assert labels.keypoint_weights.shape == (1, 133) and labels.keypoint_weights.sum() > 17
    assert len(build(config.val_dataloader.dataset)) > 0


def test_combined_people_are_those_of_both(people: Path, data: Path) -> None:
    config = moved('coco_ubody_256x192', people, data)
    whole = build(config.train_dataloader.dataset)
    alone = build(moved('coco_256x192', people, data).train_dataloader.dataset)
    assert len(config.train_dataloader.dataset.datasets) == 2 and whole.lens == [len(alone), 10]
    assert whole.metainfo['dataset_name'] == 'coco_wholebody'


def test_the_fifteen_scenes() -> None:
    config = load('coco_ubody_256x192')
    _, ubody = config.train_dataloader.dataset.datasets
    assert len(set(ubody.scenes)) == 15 and {'Magic_show', 'VideoConference', 'Speech', 'Movie'} < set(ubody.scenes)
    assert (ubody.split, ubody.sample_interval) == ('train', 10)


@pytest.mark.parametrize('name', [name for name in BASES if name.startswith('coco_ubody')])
def test_combined_data_are_tested_on_coco(name: str, data: Path) -> None:
    """Nothing is joined twice, wherever the two data sets are."""
    config = load(name)
    set_data_root(config, data)
    truth = f'{data}/coco/annotations/coco_wholebody_val_v1.0.json'
    for loader, evaluator in ((config.val_dataloader, config.val_evaluator),
                              (config.test_dataloader, config.test_evaluator)):
        assert f'{loader.dataset.data_root}{loader.dataset.ann_file}' == evaluator.ann_file == truth
        assert loader.dataset.type == 'CocoWholeBodyDataset' and Path(loader.dataset.bbox_file).is_file()


def test_missing_ubody_is_a_sentence(tmp_path: Path, data: Path) -> None:
    config = load('coco_ubody_256x192')
    (tmp_path / 'coco').symlink_to(data / 'coco')
    set_data_root(config, tmp_path)
    with pytest.raises(DistilPoseError, match=r'there is no .*UBody .*datasets\[1\].data_root names; .*--data-root'):
        check_data_files(config, ['train'])
    check_data_files(config, ['val', 'test'])


@pytest.mark.parametrize('name', ['coco_256x192', 'coco_384x288', 'synthetic_128x96'])
def test_targets_as_answers_are_perfect(name: str, people: Path, data: Path) -> None:
    check_targets_are_perfect(moved(name, people, data))


def test_targets_as_answers_are_perfect_on_real_people(shared: Path) -> None:
    config = load('coco_256x192')
    folder = shared / 'data/mmpose_samples/coco'
    config.val_dataloader.dataset.update(data_root=str(folder), ann_file='test_coco_wholebody.json',
                                         data_prefix=dict(img=''))
    config.val_evaluator.ann_file = str(folder / 'test_coco_wholebody.json')
    check_targets_are_perfect(config)


def check_targets_are_perfect(config: Config) -> None:
    """Crop, codec, RTMPose's decoding, the way back to the image and the metric, with annotated boxes."""
    config.val_dataloader.dataset.bbox_file = None
    config.val_dataloader.dataset.pipeline[-1]['pack_transformed'] = True  # the joints in input pixels, too
    dataset = build(config.val_dataloader.dataset)
    with DefaultScope.overwrite_default_scope('mmpose'):
        evaluator = Evaluator(config.val_evaluator)
        codec = KEYPOINT_CODECS.build(config.codec)
    evaluator.dataset_meta = dataset.metainfo
    head = dict(type='RTMCCHead', in_channels=16, out_channels=133, input_size=config.codec.input_size,
                in_featuremap_size=(6, 8), decoder=config.codec)
    model = build_estimator(dict(type='TopdownPoseEstimator', backbone=dict(type='TinyBackbone'), head=head,
                                 test_cfg={})).eval()
    model.extract_feat = lambda inputs: inputs
    batch = pseudo_collate([dataset[index] for index in range(len(dataset))])
    targets = [codec.encode(sample.gt_instances.transformed_keypoints, np.ones((1, 133)))
               for sample in batch['data_samples']]
    model.head.forward = lambda feats: tuple(
        torch.from_numpy(np.concatenate([target[f'keypoint_{axis}_labels'] for target in targets])) for axis in 'xy')
    with torch.no_grad():
        evaluator.process(model.predict(torch.stack(batch['inputs']), batch['data_samples']), batch)
    figures = evaluator.evaluate(len(dataset))
    for part in ('', 'body/', 'face/', 'lefthand/', 'righthand/'):
        assert figures[f'coco-wholebody/{part}AR'] > 0.97, part
    assert figures['coco-wholebody/AP'] > 0.97
