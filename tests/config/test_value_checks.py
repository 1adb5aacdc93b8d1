"""Types and ranges of values, forms of entries, NaN, and entries that do not go together, from options and files."""

from __future__ import annotations

import copy
import functools
import math
import re
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmpose.registry import MODELS
from torch import nn

from distilpose.config import ConfigTree, merge_options, misspelt_entries, read_config
from distilpose.config.loop_checks import adapt_to_workers, check_loaders, check_loops
from distilpose.config.option_names import check_names
from distilpose.config.value_checks import check_numbers, check_values
from distilpose.errors import DistilPoseError, as_option

CHECKS = (check_names, check_values, check_loops, check_loaders)
PATHS = dict(
    own='configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py',
    mmpose='mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py')
ITERATIONS = dict(_delete_=True, by_epoch=False, max_iters=100)


@functools.cache
def read(name: str) -> Config:
    return read_config(PATHS[name])


def checked(name: str, options: dict[str, Any], *, as_file: bool = False) -> ConfigTree:
    """A published config with some entries changed, after all checks that need no data.

    Args:
        as_file: the config itself says so, not the command line.
    """
    cfg, options = copy.deepcopy(read(name)), copy.deepcopy(options)
    if as_file:
        cfg.merge_from_dict(options)
    else:
        merge_options(cfg, options)
    adapt_to_workers(cfg, options={} if as_file else options)
    tree = ConfigTree(cfg, ['train', 'val'])
    for check in CHECKS:
        check(tree)
    return tree


REFUSED: list[tuple[str, Any, str]] = [
    ('train_dataloader.batch_size', 'abc', 'a whole number of at least 1'),
    ('train_dataloader.batch_size', 0, 'a whole number of at least 1'),
    ('train_dataloader.batch_size', -1, 'a whole number of at least 1'),
    ('train_dataloader.batch_size', 4.0, 'a whole number of at least 1'),
    ('train_dataloader.batch_size', True, 'a whole number of at least 1'),
    ('train_dataloader.num_workers', 1.5, 'a whole number of at least 0'),
    ('train_dataloader.num_workers', -1, 'a whole number of at least 0'),
    ('train_dataloader.prefetch_factor', 0, 'a whole number of at least 1 or None'),
    ('train_dataloader.timeout', -1, 'a number of at least 0'),
    ('train_dataloader.drop_last', 'no', 'True or False'),
    ('train_dataloader.dataset', 'abc', 'a dictionary'),
    ('train_dataloader.dataset.pipeline', None, 'a list of dictionaries'),
    ('train_dataloader.dataset.pipeline', ['LoadImage'], 'a dictionary'),
    ('train_dataloader.dataset.indices', 0, 'a whole number that is not 0'),
    ('train_dataloader.dataset.ann_file', 3, 'text'),
    ('train_dataloader.dataset.pipeline.2.prob', 2, 'a number of at least 0 and of at most 1'),
    ('train_dataloader.dataset.pipeline.5.input_size', (0, 64), 'two whole numbers of at least 1'),
    ('train_dataloader.dataset.pipeline.5.input_size', 256, 'two whole numbers of at least 1'),
    ('train_dataloader.sampler', None, 'a dictionary'),
    ('train_cfg.max_epochs', 'ten', 'a whole number of at least 1'),
    ('train_cfg.max_epochs', 0, 'a whole number of at least 1'),
    ('train_cfg.max_epochs', 1.5, 'a whole number of at least 1'),
    ('train_cfg.max_epochs', float('inf'), 'a whole number of at least 1'),
    ('train_cfg.val_interval', 0, 'a whole number of at least 1'),
    ('train_cfg', 5, 'a dictionary or None'),
    ('optim_wrapper', 'Adam', 'a dictionary or None'),
    ('optim_wrapper.optimizer', 'Adam', 'a dictionary'),
    ('optim_wrapper.optimizer.lr', 'abc', 'a number of at least 0'),
    ('optim_wrapper.optimizer.lr', None, 'a number of at least 0'),
    ('optim_wrapper.optimizer.lr', -1e-3, 'a number of at least 0'),
    ('optim_wrapper.optimizer.lr', float('nan'), 'a number of at least 0'),
    ('optim_wrapper.optimizer.lr', float('inf'), 'a number of at least 0'),
    ('optim_wrapper.optimizer.weight_decay', -1, 'a number of at least 0'),
    ('optim_wrapper.optimizer.betas', (0.9, 1.0), 'two numbers of at least 0 and below 1'),
    ('optim_wrapper.accumulative_counts', 0, 'a whole number of at least 1'),
    ('optim_wrapper.clip_grad.max_norm', 0, 'a number above 0'),
    ('optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult', -1, 'a number of at least 0'),
    ('param_scheduler.0.start_factor', 2, 'a number above 0 and of at most 1'),
    ('param_scheduler.0.end', 0, 'a whole number of at least 1'),
    ('param_scheduler.1.gamma', -1, 'a number above 0'),
    ('param_scheduler.1.milestones', 'abc', 'a list of whole numbers'),
    ('param_scheduler.1.milestones', [-1, 5], 'a list of whole numbers'),
    ('default_hooks', 'abc', 'a dictionary or None'),
    ('default_hooks.checkpoint', 5, 'a dictionary or None'),
    ('default_hooks.checkpoint.interval', 0, '-1 or a whole number of at least 1'),
    ('default_hooks.checkpoint.max_keep_ckpts', 0, '-1 or a whole number of at least 1'),
    ('default_hooks.logger.interval', 0, 'a whole number of at least 1'),
    ('custom_hooks', 5, 'a dictionary, a list of them, or None'),
    ('model', 'abc', 'a dictionary'),
    ('model.test_cfg.flip_test', 'maybe', 'True or False'),
    ('randomness.seed', -1, 'a whole number from 0'),
    ('env_cfg.mp_cfg.mp_start_method', 'forkk', "'fork', 'spawn', 'forkserver' or None"),
    ('log_level', 'LOUD', 'one of CRITICAL'),
    ('load_from', 5, 'text or None'),
    ('val_evaluator', 'CocoMetric', 'a dictionary, a list of them, or None'),
    ('val_evaluator.nms_thr', 7, 'a number of at least 0 and of at most 1'),
    ('model.head', 3, 'a dictionary'),
    ('model.head.out_channels', -17, 'a whole number of at least 1'),
    ('model.head.out_channels', 17.5, 'a whole number'),
    ('model.head.loss.loss_weight', -1, 'a number of at least 0'),
    ('model.head.loss.use_target_weight', 'yes', 'True or False'),
    ('model.head.decoder.sigma', -2, 'a number above 0'),
    ('model.backbone.depth', 51, 'one of 18, 34, 50, 101, 152'),
    ('model.data_preprocessor.std', [0, 1, 1], 'above 0 or three'),
    ('model.data_preprocessor.mean', [1, 2], 'one number or three'),
]


@pytest.mark.parametrize('as_file', [False, True], ids=['option', 'file'])
@pytest.mark.parametrize(('entry', 'value', 'expected'), REFUSED)
def test_values_that_an_entry_cannot_have(entry: str, value: Any, expected: str, as_file: bool) -> None:
    """The sentence has the entry, what was found and what is expected."""
    with pytest.raises(DistilPoseError) as error:
        checked('mmpose', {entry: value}, as_file=as_file)
    message = str(error.value)
    assert entry in as_option(message) and expected in message, message


TEXT = [('model.backbone.depth', 'abc', 'expected a number, as in the config (50)'),
        ('model.data_preprocessor.mean', 'abc', 'expected one number or three'),
        ('train_dataloader.dataset.pipeline.0', 'LoadImage', 'expected a key in it'),
        ('model.backbone', 'ResNet', 'expected a dictionary'),
        ('model.head.loss', 'KeypointMSELoss', 'expected a key in it, model.head.loss.type=')]


@pytest.mark.parametrize(('entry', 'value', 'expected'), TEXT)
def test_text_in_the_place_of_numbers_and_dictionaries(entry: str, value: Any, expected: str) -> None:
    with pytest.raises(DistilPoseError, match=rf'{entry}.*{re.escape(expected)}'):
        checked('mmpose', {entry: value})


@pytest.mark.parametrize(('name', 'options'), [
    ('mmpose', {'train_dataloader.dataset.indices': 8}), ('own', {'train_dataloader.dataset.indices': 8}),
    ('mmpose', {'train_dataloader.dataset.indices': -8}), ('own', {'model.terms.score': None}),
    ('mmpose', {'optim_wrapper.clip_grad.max_norm': float('inf'), 'optim_wrapper.loss_scale': 'dynamic'}),
    ('mmpose', {'default_hooks.checkpoint.max_keep_ckpts': -1, 'default_hooks.checkpoint.interval': -1}),
    ('mmpose', {'param_scheduler': None, 'optim_wrapper.optimizer.lr': 0, 'model.head.loss.loss_weight': 0}),
    ('mmpose', {'val_cfg': None, 'val_dataloader': None, 'val_evaluator': None}),
    ('mmpose', {'model.test_cfg.flip_in_one_batch': 'auto', 'resume': True, 'load_from': 'a.pth'}),
    ('mmpose', {'model.backbone.depth': 101, 'model.backbone.init_cfg': None, 'train_dataloader.sampler.seed': 3}),
    ('mmpose', {'train_cfg.max_epochs': 2e2, 'param_scheduler.1.end': 2.1e2, 'train_cfg.val_interval': 1e1}),
    ('own', {'model.student.head.loss.loss_weight': 2.0, 'model.teacher.dtype': 'bfloat16'})])
def test_values_that_are_meant(name: str, options: dict[str, Any]) -> None:
    assert checked(name, options).warnings == []


@pytest.mark.parametrize(('entry', 'words'), [
    ('optim_wraper.optimizer.lr', "did you mean 'optim_wrapper'"), ('model.head.num_joints', 'HeatmapHead has no'),
    ('train_dataloader.batchsize', "did you mean 'batch_size'"), ('train_cfg.max_epoch', "did you mean 'max_epochs'"),
    ('optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_multi', "did you mean 'lr_mult'"),
    ('train_dataloader.dataset.data_prefix.image', 'has no'), ('train_dataloader.dataset.metainfo.file', 'has no'),
    ('train_dataloader.dataset.pipeline.0.backend_args.backnd', "did you mean 'backend'")])
def test_misspelt_options_of_configs_of_others(entry: str, words: str) -> None:
    with pytest.raises(DistilPoseError, match=rf'--cfg-options {entry} would have no effect: .*{words}'):
        checked('mmpose', {entry: 1})


@pytest.mark.parametrize(('entry', 'words'), [
    ('train_dataloader.batchsize', "did you mean 'batch_size'"), ('model.head.num_joint', 'HeatmapHead has no'),
    ('model.backbone.dept', "did you mean 'depth'"), ('optim_wrapper.clip_grd', "did you mean 'clip_grad'"),
    ('optim_wrapper.optimizer.learning_rate', 'Adam has no'), ('env_cfg.dist_cfg.backnd', "did you mean 'backend'"),
    ('default_hooks.checkpoint.intervall', "did you mean 'interval'"), ('val_evaluator.annfile', "mean 'ann_file'"),
    ('train_dataloader.dataset.pipeline.2.probs', "did you mean 'prob'"), ('train_cfg.max_epoch', "mean 'max_epochs'")])
def test_misspelt_keys_of_a_file(entry: str, words: str) -> None:
    with pytest.raises(DistilPoseError, match=f'has a key .* that nothing reads: .*{words}'):
        checked('mmpose', {entry: 1}, as_file=True)


@pytest.mark.parametrize(('entry', 'value', 'words'), [
    ('model.backbone.type', 'ResNe', "did you mean 'ResNet'"), ('optim_wrapper.optimizer.type', 'Adm', "mean 'Adam'"),
    ('train_dataloader.dataset.type', 'CocDataset', "did you mean 'CocoDataset'"),
    ('model.backbone.type', 'nowhere.Net', 'in the package nowhere, which is not installed')])
def test_types_that_are_not_registered(entry: str, value: str, words: str) -> None:
    with pytest.raises(DistilPoseError, match=f"{entry} is '{value}'.*{words}"):
        checked('mmpose', {entry: value})


def test_a_type_that_is_registered_after_it_was_missing() -> None:
    option = {'model.backbone': dict(_delete_=True, type='LaterNet')}
    with pytest.raises(DistilPoseError, match=r"model\.backbone\.type is 'LaterNet': nothing is registered"):
        checked('mmpose', option)
    MODELS.register_module(name='LaterNet', module=type('LaterNet', (nn.Module, ), {}))
    try:
        checked('mmpose', option)
    finally:
        del MODELS._module_dict['LaterNet']


@pytest.mark.parametrize(('entry', 'missing'), [
    ('train_dataloader.dataset', 'type'), ('train_dataloader', 'dataset'), ('val_dataloader', 'sampler'),
    ('optim_wrapper.optimizer', 'type'), ('model.backbone', 'type'), ('default_hooks.logger', 'type')])
def test_what_is_needed_and_missing(entry: str, missing: str) -> None:
    cfg = copy.deepcopy(read('mmpose'))
    del functools.reduce(lambda node, key: node[key], entry.split('.'), cfg)[missing]
    with pytest.raises(DistilPoseError, match=f'{entry} has no {missing}; expected'):
        check_values(ConfigTree(cfg))


def test_a_near_miss_where_classes_may_read_other_keys_is_a_warning() -> None:
    entry = {'optim_wrapper.paramwise_cfg.custom_keys.bias.decay_multi': 0}
    assert "did you mean 'decay_mult'?" in str(checked('mmpose', entry, as_file=True).warnings)


def test_variables_of_nearly_the_name_of_an_entry() -> None:
    cfg = Config(dict(optim_wraper=dict(), train_pipeline=[], codec={}, model={}, test_pipeline=[], base_lr=1))
    warning, = misspelt_entries(cfg)
    assert "'optim_wraper', which the run does not read (did you mean 'optim_wrapper'?)" in warning


@pytest.mark.parametrize('as_file', [False, True])
def test_a_loader_without_workers_needs_no_other_change(as_file: bool) -> None:
    cfg = checked('mmpose', {f'{part}_dataloader.num_workers': 0 for part in ('train', 'val')}, as_file=as_file).cfg
    assert [cfg[f'{part}_dataloader'].persistent_workers for part in ('train', 'val', 'test')] == [False, False, True]
    read('mmpose').train_dataloader.update(prefetch_factor=4, timeout=5)
    try:
        loader = checked('mmpose', {'train_dataloader.num_workers': 0}, as_file=as_file).cfg.train_dataloader
    finally:
        del read('mmpose').train_dataloader['prefetch_factor'], read('mmpose').train_dataloader['timeout']
    assert (loader.prefetch_factor, loader.timeout, loader.persistent_workers) == (None, 0, False)


@pytest.mark.parametrize('key', ['persistent_workers', 'prefetch_factor', 'timeout'])
def test_an_option_that_needs_workers(key: str) -> None:
    with pytest.raises(DistilPoseError, match=f'train_dataloader.{key}=.* and train_dataloader.num_workers is 0'):
        checked('mmpose', {'train_dataloader.num_workers': 0,
                           f'train_dataloader.{key}': True if key == 'persistent_workers' else 3})


@pytest.mark.parametrize(('options', 'words'), [
    ({'val_cfg': None}, 'has val_dataloader and val_evaluator but no val_cfg'),
    ({'val_evaluator': None}, 'but no val_evaluator; all three are needed'),
    ({'test_dataloader': None}, 'has test_cfg and test_evaluator but no test_dataloader'),
    ({'train_cfg.max_iters': 9}, r'counts epochs \(by_epoch=True\) and has max_iters; expected max_epochs'),
    ({'train_cfg.by_epoch': False}, r'counts iterations \(by_epoch=False\) and has max_epochs; expected max_iters'),
    ({'train_cfg': dict(_delete_=True, by_epoch=True)}, 'has no max_epochs'),
    ({'train_cfg': dict(_delete_=True, max_epochs=3)}, 'neither type nor by_epoch'),
    ({'train_cfg.type': 'EpochBasedTrainLoop'}, "type='EpochBasedTrainLoop' and by_epoch=True; expected one"),
    ({'param_scheduler.0.begin': 600}, r'param_scheduler\[0\].end is 500 and param_scheduler\[0\].begin is 600'),
    ({'train_dataloader.shuffle': True}, 'set train_dataloader.sampler.shuffle=True'),
    ({'val_dataloader.drop_last': True}, 'would leave people out of the evaluation')])
def test_entries_that_do_not_go_together(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        checked('mmpose', options)


@pytest.mark.parametrize(('options', 'words'), [
    ({'val_dataloader.sampler.shuffle': True}, ['val_dataloader.sampler.shuffle is True']),
    ({'param_scheduler.1.milestones': [200, 170]}, ['is [200, 170], which is not ascending']),
    ({'train_cfg.max_epochs': 180}, ['changes the rate at epoch 200, and the training ends after 180']),
    ({'train_cfg.val_begin': 300}, ['never validated']),
    ({'train_cfg': ITERATIONS}, ['param_scheduler[1] counts epochs, and train_cfg iterations',
                                 'default_hooks.checkpoint counts epochs'])])
def test_unusual_entries_are_warnings(options: dict[str, Any], words: list[str]) -> None:
    found = checked('mmpose', options).warnings
    assert len(found) == len(words) and all(word in warning for word, warning in zip(words, found, strict=True)), found


def test_a_training_by_iterations() -> None:
    assert checked('mmpose', {'train_cfg': ITERATIONS, 'param_scheduler.1.by_epoch': False,
                              'param_scheduler.1.milestones': [50], 'default_hooks.checkpoint.by_epoch': False}
                   ).warnings == []


def test_a_file_of_another_form_is_refused_when_it_is_read(tmp_path: Path) -> None:
    for text, words in (("model = 'ResNet'", "model is 'ResNet'; expected a dictionary"),
                        ('model = dict()\ncustom_hooks = [3]', r'custom_hooks\[0\] is 3; expected a dictionary')):
        (tmp_path / 'config.py').write_text(text)
        with pytest.raises(DistilPoseError, match=words):
            read_config(tmp_path / 'config.py')


def test_a_runner_of_ones_own_reads_what_it_likes() -> None:
    options = {'runner_type': 'MyRunner', 'mine.depth': 3, 'model.backbone.mine': 3}
    assert checked('mmpose', options, as_file=True).warnings == []


@pytest.mark.parametrize(('text', 'expected'), [
    ("load_form = 'a.pth'", "did you mean 'load_from'"),
    ("resume_from = 'a.pth'", 'mmpose 0.x read and 1.x does not; set load_from'),
    ("lr_config = dict(policy='step')", 'set param_scheduler'),
    ("train_pipeline = [dict(type='LoadImage')]", "'train_pipeline' whose value nothing uses"),
    ('codec = dict(sigma=3)', "'codec' whose value nothing uses"),
    ('thing = 3', None), ("optimizer = dict(type='Lamb')\noptim_wrapper = dict(optimizer=optimizer)", None)])
def test_variables_of_a_config_that_nothing_uses(text: str, expected: str | None, tmp_path: Path) -> None:
    """A base has made its loaders of its own pipeline; a child's variable of this name changes nothing."""
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = {PATHS['mmpose']!r}\n{text}\n")
    found = misspelt_entries(read_config(config))
    assert (expected in found[0] and len(found) == 1) if expected else not found


NUMBERS: dict[str, Any] = dict(
    model=dict(type='PoseDistiller', task_weight=1.0, teacher=dict(),
               student=dict(head=dict(loss=dict(type='SmoothL1Loss', loss_weight=1.0, beta=1.0)),
                            data_preprocessor=dict(mean=[123.675, 116.28], std=[58.0, 57.0])),
               terms=dict(score=dict(type='ScoreTerm', weight=1.0, schedule=dict(type='warmup', until=0.1)))),
    optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3, weight_decay=0.0),
                       clip_grad=dict(max_norm=math.inf, norm_type=math.inf)),
    param_scheduler=[dict(type='LinearLR', start_factor=0.1)],
    train_dataloader=dict(dataset=dict(pipeline=[dict(type='Pad', value=math.nan)])))


def with_number(entry: str, value: float) -> Config:
    config = Config(copy.deepcopy(NUMBERS))
    config.merge_from_dict({entry: value})
    return config


def test_good_numbers_pass() -> None:
    """No limit of a norm, the largest value as a norm, and what a pipeline fills images with are its own affair."""
    check_numbers(Config(copy.deepcopy(NUMBERS)))


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('entry', [
    'model.task_weight', 'model.terms.score.weight', 'model.terms.score.schedule.until',
    'model.student.head.loss.loss_weight', 'optim_wrapper.optimizer.lr', 'optim_wrapper.optimizer.weight_decay',
    'param_scheduler.0.start_factor'])
def test_factors_are_finite(entry: str, value: float) -> None:
    with pytest.raises(DistilPoseError) as error:
        check_numbers(with_number(entry, value))
    assert str(error.value).startswith(f'{entry.replace(".0.", "[0].")} is {value}; expected a finite number.')
    assert f'--cfg-options {entry}=NUMBER' in str(error.value)


@pytest.mark.parametrize('entry', ['model.student.head.loss.beta', 'optim_wrapper.clip_grad.max_norm'])
def test_nothing_of_a_model_is_nan(entry: str) -> None:
    with pytest.raises(DistilPoseError, match='is nan; expected a finite number'):
        check_numbers(with_number(entry, math.nan))
    check_numbers(with_number(entry, math.inf))


def test_numbers_in_lists_are_read() -> None:
    config = Config(copy.deepcopy(NUMBERS))
    config.model.student.data_preprocessor.std = [58.0, math.nan]
    with pytest.raises(DistilPoseError, match=r'model\.student\.data_preprocessor\.std is nan'):
        check_numbers(config)


def test_numbers_of_a_student_of_another_config(tmp_path: Path) -> None:
    (tmp_path / 'student.py').write_text("model = dict(type='TopdownPoseEstimator', head=dict(loss=dict("
                                         "type='SmoothL1Loss', loss_weight=float('inf'))))\n")
    config = Config(dict(model=dict(type='PoseDistiller', student=dict(config=str(tmp_path / 'student.py')))))
    with pytest.raises(DistilPoseError, match=r'model\.student\.head\.loss\.loss_weight is inf'):
        check_numbers(config)
