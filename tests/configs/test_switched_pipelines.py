"""Every recipe with ``PipelineSwitchHook``: what the hook switches to gives the model what the first pipeline gave."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, HOOKS
from mmpose.structures import PoseDataSample

from distilpose.config import PROJECT_ROOT, check_mixed_data, load_config
from distilpose.config.walk import dictionaries
from distilpose.errors import DistilPoseError
from distilpose.models import read_labels

LEAVES = sorted(path.relative_to(PROJECT_ROOT) for path in (PROJECT_ROOT / 'configs').rglob('*.py')
                if '_base_' not in path.parts and {'rtmpose', 'dwpose'} & set(path.parts))
FEWEST = 40


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    torch.manual_seed(0)
    np.random.seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


def switches(config: Config) -> list[dict]:
    hooks = [*config.get('custom_hooks', []), *config.default_hooks.values()]
    return [hook for hook in hooks if hook['type'] == 'PipelineSwitchHook']


def sample(config: Config, *, labelled: bool) -> dict[str, Any]:
    """What the data set of a recipe gives to its pipeline, of noise; or ``UnlabelledImages`` in its place."""
    named = config.metainfo.to_dict() if 'metainfo' in config else DATASETS.get(config.dataset_type).METAINFO
    info = parse_pose_metainfo(copy.deepcopy(named))
    names = ('dataset_name', 'upper_body_ids', 'lower_body_ids', 'flip_pairs', 'flip_indices', 'skeleton_links',
             'dataset_keypoint_weights')
    count = info['num_keypoints']
    keypoints = np.random.uniform(10, 90, (1, count, 2)).astype(np.float32)
    return dict(img=np.random.randint(0, 255, (120, 100, 3), dtype=np.uint8), img_path='noise.jpg', id=0, img_id=0,
                bbox=np.array([[5, 5, 95, 115]], np.float32), bbox_score=np.ones(1, np.float32),
                keypoints=keypoints * labelled, keypoints_visible=np.full((1, count), labelled, np.float32),
                **({} if labelled else dict(labelled=False)), **{name: info[name] for name in names})


def packed(config: Config, *, labelled: bool = True) -> list[dict[str, Any]]:
    """A sample before and after the hook switched, as a training would call it."""
    dataset = SimpleNamespace(pipeline=Compose(config.train_dataloader.dataset.pipeline))
    runner: Any = SimpleNamespace(train_loop=None, train_dataloader=SimpleNamespace(dataset=dataset), epoch=0,
                                  logger=logging.getLogger('switch'))
    (options, ) = switches(config)
    hook: Hook = HOOKS.build({key: value for key, value in options.items() if key != 'priority'})
    hook.before_train(runner)
    results = []
    for epoch in (options['switch_epoch'] - 1, options['switch_epoch']):
        runner.epoch = epoch
        hook.before_train_epoch(runner)
        results.append(dataset.pipeline(sample(config, labelled=labelled)))
    assert dataset.pipeline is hook.pipeline
    return results


def contents(result: dict[str, Any]) -> dict[str, Any]:
    """The names and shapes of all that a model is given of a sample."""
    given: PoseDataSample = result['data_samples']
    found = {'inputs': tuple(result['inputs'].shape), 'labelled': given.get('labelled', True)}
    for field in ('gt_instances', 'gt_instance_labels', 'gt_fields'):
        if field in given:
            found.update({f'{field}.{name}': np.shape(value) for name, value in given.get(field).items()})
    return found


RECIPES = [path for path in LEAVES if switches(load_config(path))]


def test_recipes_are_found() -> None:
    assert len(RECIPES) >= FEWEST
    named = [path for path in (PROJECT_ROOT / 'configs').rglob('*.py') if 'PipelineSwitchHook' in path.read_text()]
    assert [path for path in named if not any(name in str(path) for name in ('rtmpose', 'dwpose'))] == []


@pytest.mark.parametrize('path', RECIPES, ids=str)
def test_a_recipe_delivers_the_same_after_the_switch(path: Path) -> None:
    config = load_config(path)
    before, after = map(contents, packed(config))
    assert before == after and 'gt_instance_labels.keypoint_weights' in before
    check_mixed_data(config)


@pytest.mark.parametrize('path', [path for path in RECIPES if 'dwpose' in path.parts], ids=str)
def test_a_distillation_mixes_unlabelled_images_after_the_switch(path: Path) -> None:
    """As the manual says, with another last step of both pipelines; with that of one of them it is refused."""
    config = load_config(path)
    pipelines = [config.train_dataloader.dataset.pipeline, switches(config)[0]['switch_pipeline']]
    data = config.train_dataloader.dataset
    config.train_dataloader.dataset = dict(
        type='CombinedDataset', metainfo=dict(from_file='configs/_base_/datasets/coco.py'), pipeline=pipelines[0],
        datasets=[dict(type=data['type'], pipeline=[]), dict(type='UnlabelledImages', data_root='x')])
    config.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    pack(config.train_dataloader.dataset.pipeline)
    with pytest.raises(DistilPoseError, match=r'custom_hooks\[\d\]\.switch_pipeline\[\d+\] is PackPoseInputs'):
        check_mixed_data(config)
    pack(switches(config)[0]['switch_pipeline'])
    check_mixed_data(config)
    for result in packed(config, labelled=False):
        labels = read_labels([result['data_samples']])
        assert not labels.labelled.any() and not labels.weights.any() and labels.distillation_weights().all()


def pack(pipeline: list[dict]) -> None:
    for _, step in dictionaries(pipeline, ''):
        if step.get('type') == 'PackPoseInputs':
            step['type'] = 'PackMixedPoseInputs'  # type: ignore[index]
