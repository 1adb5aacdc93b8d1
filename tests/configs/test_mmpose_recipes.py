"""mmpose's own recipes of RTMPose and ViTPose: every one builds, runs its pipelines and takes one step, as it is."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import mmpose
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.hooks import Hook
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, HOOKS, METRICS, MODELS, PARAM_SCHEDULERS, TRANSFORMS
from mmpose.visualization import PoseLocalVisualizer

from distilpose.config.building import building_as_sentences
from distilpose.config.walk import dictionaries
from distilpose.engine.hooks import PipelineSwitchHook
from distilpose.errors import DistilPoseError
from tests.engine.tiny import PROJECT, logged_losses, write_data

CONFIGS = Path(mmpose.__file__).parent / '.mim' / 'configs'
ALL = sorted(file.relative_to(CONFIGS) for file in CONFIGS.rglob('*.py') if '_base_' not in file.parts)
RECIPES = [path for path in ALL if 'rtmpose' in path.parts]
_FIRST = {path.parent: path for path in reversed(RECIPES)}
ONE_OF_EACH_FOLDER = [pytest.param(path, marks=[] if path in _FIRST.values() else pytest.mark.slow)
                      for path in RECIPES]
"""Those of a folder differ in the size of the network, which is the same in all of them once they are narrowed."""
VITPOSE = [path for path in ALL if 'ViTPose' in path.name]
COUNTS = (408, 54, 12)
NARROW = dict(deepen_factor=0.167, widen_factor=0.375)
"""RTMPose-t, in place of larger networks where a step is taken; their own are traced on the meta device."""
SMALL = dict(embed_dims=24, num_layers=2, num_heads=4, feedforward_channels=48)
"""In place of a ViTPose's architecture."""
NOT_IN_MMPOSE = ('HalpeHandDataset', )
"""A data set that the recipe of five hand data sets names, and mmpose 1.3.2 does not define."""
METAINFO = ('dataset_name', 'upper_body_ids', 'lower_body_ids', 'flip_pairs', 'dataset_keypoint_weights',
            'flip_indices', 'skeleton_links')


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    """What a Runner sets up before it builds anything."""
    torch.manual_seed(0)
    np.random.seed(0)
    PoseLocalVisualizer.get_instance('visualizer')
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


def recipe(path: Path) -> Config:
    return Config.fromfile(CONFIGS / path)


def narrowed(model: ConfigDict) -> ConfigDict:
    """The same model with the backbone of RTMPose-t: everything that counts its channels follows."""
    model = copy.deepcopy(model)
    share = NARROW['widen_factor'] / model.backbone.widen_factor
    model.backbone.update(NARROW)
    model.head.in_channels = int(model.head.in_channels * share)
    if model.get('neck'):
        model.neck.in_channels = [int(channels * share) for channels in model.neck.in_channels]
    return model


def sources(dataset: ConfigDict) -> Iterator[ConfigDict]:
    """The data sets with annotations that a loader reads."""
    if dataset.type == 'CombinedDataset':
        for part in dataset.datasets:
            yield from sources(part)
    elif dataset.type == 'RepeatDataset':
        yield from sources(dataset.dataset)
    elif dataset.type not in NOT_IN_MMPOSE:
        yield dataset


def metainfo(dataset: ConfigDict) -> dict:
    named = dataset.get('metainfo') or DATASETS.get(dataset.type).METAINFO
    return copy.deepcopy(metainfo_of(named['from_file']))


@cache
def metainfo_of(file: str) -> dict:
    known = parse_pose_metainfo(dict(from_file=file))
    return {key: known[key] for key in METAINFO}


def sample(dataset: ConfigDict) -> dict:
    """What a data set gives to its pipeline: noise with one instance in it."""
    known = metainfo(dataset)
    keypoints = np.random.uniform(10, 90, (1, len(known['flip_indices']), 2)).astype(np.float32)
    return dict(img=np.random.randint(0, 255, (120, 100, 3), dtype=np.uint8), img_path='noise.jpg', id=0, img_id=0,
                bbox=np.array([[5, 5, 95, 115]], np.float32), bbox_score=np.ones(1, np.float32),
                keypoints=keypoints, keypoints_visible=np.ones(keypoints.shape[:2], np.float32), **known)


def samples(dataset: ConfigDict, pipelines: list[list[dict]]) -> list[dict]:
    """One sample of every source through every pipeline of the loader."""
    parts = list(sources(dataset))
    steps = [Compose(pipeline) for pipeline in pipelines]
    results = []
    for part in parts:
        for step in steps:
            given = sample(part)
            if part is not dataset:
                given = Compose(part.pipeline)(given)
                given.update(metainfo(dataset) if dataset.type == 'CombinedDataset' else {})
            results.append(step(given))
    return results


def hooks(config: Config) -> list[Hook]:
    options = [*config.get('custom_hooks', []), *config.default_hooks.values()]
    return [HOOKS.build({key: value for key, value in option.items() if key != 'priority'}) for option in options]


def train_batch(config: Config) -> dict:
    """A sample of the first pipeline and one of the last epochs' pipeline, of noise."""
    dataset = config.train_dataloader.dataset
    pipelines = [dataset.pipeline]
    pipelines += [hook.switch_pipeline for hook in hooks(config) if isinstance(hook, PipelineSwitchHook)]
    return pseudo_collate(samples(dataset, pipelines)[-2:])


def test_every_recipe_is_found() -> None:
    assert (len(ALL), len(RECIPES), len(VITPOSE)) == COUNTS, 'another mmpose: change COUNTS'


@pytest.mark.parametrize('path', ONE_OF_EACH_FOLDER, ids=str)
def test_a_recipe_takes_one_step(path: Path) -> None:
    config = recipe(path)
    model = MODELS.build(narrowed(config.model))
    optimizer = build_optim_wrapper(model, config.optim_wrapper)
    before = {name: value.clone() for name, value in model.named_parameters()}
    losses = model.train_step(train_batch(config), optimizer)
    assert torch.isfinite(losses['loss']) and losses['loss'] > 0
    changed = [name for name, value in model.named_parameters() if not torch.equal(value, before[name])]
    assert len(changed) > 0.9 * len(before)
    for scheduler in config.param_scheduler:
        assert PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=optimizer, epoch_length=10))


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('path', RECIPES, ids=str)
def test_a_recipe_fits_together(path: Path) -> None:
    """The network in its full size has the bins of its codec, and tests on what its pipeline gives."""
    config = recipe(path)
    width, height = config.codec.input_size
    with torch.device('meta'):
        model = MODELS.build(config.model)
        outputs = model(torch.empty(2, 3, height, width), None, mode='tensor')
    keypoints = model.head.out_channels
    bins = [int(side * config.codec.simcc_split_ratio) for side in config.codec.input_size]
    assert [tuple(logits.shape) for logits in outputs] == [(2, keypoints, number) for number in bins]
    for loader, evaluator in (('val_dataloader', 'val_evaluator'), ('test_dataloader', 'test_evaluator')):
        dataset = config[loader].dataset
        for packed in samples(dataset, [dataset.pipeline]):
            assert packed['inputs'].shape == (3, height, width)
            assert packed['data_samples'].gt_instances.keypoints.shape == (1, keypoints, 2)
        for metric in config[evaluator] if isinstance(config[evaluator], list) else [config[evaluator]]:
            assert METRICS.get(metric.type)


@pytest.mark.parametrize('path', VITPOSE, ids=lambda path: path.stem)
def test_a_vitpose_takes_one_step(path: Path) -> None:
    """Of a small one, with the recipe's learning rates of every layer; a batch of two must not skip a whole layer."""
    config = recipe(path)
    config.model.backbone.update(arch=SMALL, drop_path_rate=0.0)
    config.model.head.in_channels = SMALL['embed_dims']
    config.optim_wrapper.paramwise_cfg.num_layers = SMALL['num_layers']
    model = MODELS.build(config.model)
    optimizer = build_optim_wrapper(model, config.optim_wrapper)
    decay = config.optim_wrapper.paramwise_cfg.layer_decay_rate
    scales = {name: group['lr_scale'] for group in optimizer.optimizer.param_groups for name in group['param_names']}
    assert [scales[f'backbone.{name}'] for name in ('pos_embed', 'patch_embed.projection.weight')] == [decay ** 3] * 2
    assert [scales[f'backbone.layers.{index}.attn.qkv.weight'] for index in (0, 1)] == [decay ** 2, decay]
    assert scales['backbone.ln1.weight'] == scales['head.final_layer.weight'] == 1
    before = {name: value.clone() for name, value in model.named_parameters()}
    losses = model.train_step(train_batch(config), optimizer)
    assert torch.isfinite(losses['loss']) and losses['loss'] > 0
    changed = [name for name, value in model.named_parameters() if not torch.equal(value, before[name])]
    assert len(changed) > 0.9 * len(before)


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('path', VITPOSE, ids=lambda path: path.stem)
def test_a_vitpose_fits_together(path: Path) -> None:
    """In its full size, up to 637 million parameters."""
    config = recipe(path)
    width, height = config.codec.input_size
    with torch.device('meta'):
        model = MODELS.build(config.model)
        found = model(torch.empty(2, 3, height, width), None, mode='tensor')
    assert tuple(found.shape) == (2, model.head.out_channels, *config.codec.heatmap_size[::-1])
    dataset = config.val_dataloader.dataset
    assert samples(dataset, [dataset.pipeline])[0]['inputs'].shape == (3, height, width)


@pytest.mark.slow
def test_what_mmposes_configs_name_of_other_packages_is_served() -> None:
    """Of all 408 configs, one of which cannot be read."""
    readable = [path for path in ALL if path.name != 'edpose_res50_8xb2-50e_coco-800x1333.py']
    registries = (HOOKS, MODELS, TRANSFORMS)
    types = {str(options.get('type')) for path in readable for _, options in dictionaries(recipe(path).to_dict(), '')}
    missing = {kind for kind in types if '.' in kind and not any(registry.get(kind) for registry in registries)}
    assert missing == set()


@pytest.mark.parametrize('path, build, sentence', [
    ('body_2d_keypoint/topdown_heatmap/coco/td-hm_ViTPose-small_8xb64-210e_coco-256x192.py',
     lambda config: MODELS.build(dict(config.model, backbone=dict(type='mmpretrain.ConvNeXt'))),
     'mmpretrain.ConvNeXt is not in .* defined in the package mmpretrain, which is not installed'),
    ('hand_2d_keypoint/rtmpose/hand5/rtmpose-m_8xb256-210e_hand5-256x256.py',
     lambda config: DATASETS.build(config.dataset_halpehand), 'HalpeHandDataset is not in .* check the spelling'),
    ('body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_gridmask-8xb64-210e_coco-256x192.py',
     lambda config: TRANSFORMS.build(config.train_pipeline[6]), 'GridDropout, .* Blur, MedianBlur, CoarseDropout'),
    ('body_2d_keypoint/yoloxpose/coco/yoloxpose_tiny_4xb64-300e_coco-416.py',
     lambda config: TRANSFORMS.build(config.train_pipeline_stage1[-1]),
     'PackPoseInputs does not take the argument extra_map'),
], ids=['mmpretrain', 'hand5', 'gridmask', 'yoloxpose'])
def test_what_is_not_served_is_a_sentence(path: str, build: Callable[[Config], Any], sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence), building_as_sentences():
        build(recipe(Path(path)))


OWN_DATA = """
_base_ = 'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py'
data_root = {root!r}
people = dict(data_root=data_root, ann_file='annotations/people.json', data_prefix=dict(img='images/'))
train_dataloader = dict(batch_size=4, num_workers=1, dataset=dict(people, indices=4))
val_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=people)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/people.json')
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=2, val_interval=2)
model = dict(backbone=dict(init_cfg=None, deepen_factor=0.167, widen_factor=0.375), head=dict(in_channels=384))
custom_hooks = _base_.custom_hooks
custom_hooks[1]['switch_epoch'] = 1
"""


@pytest.mark.slow
def test_a_recipe_trains_on_own_data(tmp_path: Path) -> None:
    """Two iterations, the second with the pipeline of the last epochs; a network that fits a test, without weights."""
    (tmp_path / 'own.py').write_text(OWN_DATA.format(root=f'{write_data(tmp_path / "data")}/'))
    result = subprocess.run(
        [sys.executable, 'tools/train.py', str(tmp_path / 'own.py'), '--work-dir', str(tmp_path / 'run')],
        cwd=PROJECT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'From epoch 2 on, training samples are prepared with the pipeline of PipelineSwitchHook' in result.stdout
    assert 'mmdet' not in result.stderr
    losses = logged_losses(tmp_path / 'run')
    assert len(losses) == 2 and all(np.isfinite(list(losses.values())))
    assert (tmp_path / 'run' / 'epoch_2.pth').is_file() and list((tmp_path / 'run').glob('best_coco_AP_*.pth'))


OWN_VITPOSE = """
_base_ = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_ViTPose-small-simple_8xb64-210e_coco-256x192.py'
data_root = {root!r}
people = dict(data_root=data_root, ann_file='annotations/people.json', data_prefix=dict(img='images/'))
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(people, indices=4))
val_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(people, bbox_file=None))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/people.json')
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=2, val_interval=2)
model = dict(backbone=dict(arch={arch!r}, init_cfg=dict(checkpoint={mae!r})), head=dict(in_channels=24))
optim_wrapper = dict(paramwise_cfg=dict(num_layers=2))
"""


@pytest.mark.slow
def test_a_vitpose_trains_on_own_data_from_weights_of_mae(tmp_path: Path) -> None:
    """Two iterations in a process, with weights of a 14 x 14 grid and a class token, as MAE publishes them."""
    with torch.random.fork_rng():
        backbone = MODELS.build(dict(type='mmpretrain.VisionTransformer', arch=SMALL, img_size=224))
    mae = {name.replace('layers.', 'blocks.', 1).replace('ln1.', 'norm1.').replace('ln2.', 'norm2.'): value
           for name, value in backbone.state_dict().items() if '.ffn.' not in name and not name.startswith('ln1')}
    mae |= {'cls_token': torch.zeros(1, 1, 24), 'pos_embed': torch.zeros(1, 197, 24)}
    torch.save(dict(model=mae), tmp_path / 'mae.pth')
    (tmp_path / 'own.py').write_text(OWN_VITPOSE.format(
        root=f'{write_data(tmp_path / "data")}/', arch=SMALL, mae=str(tmp_path / 'mae.pth')))
    result = subprocess.run(
        [sys.executable, 'tools/train.py', str(tmp_path / 'own.py'), '--work-dir', str(tmp_path / 'run')],
        cwd=PROJECT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr[-3000:]
    losses = logged_losses(tmp_path / 'run')
    assert len(losses) == 2 and all(np.isfinite(list(losses.values())))
    state = torch.load(tmp_path / 'run' / 'epoch_2.pth', weights_only=False)['state_dict']
    found, given = state['backbone.layers.0.attn.qkv.weight'], mae['blocks.0.attn.qkv.weight']
    assert state['backbone.pos_embed'].shape == (1, 192, 24) and state['backbone.pos_embed'].abs().max() < 1e-2
    torch.testing.assert_close(found, given, rtol=0, atol=1e-4)  # after two steps of the warm-up
