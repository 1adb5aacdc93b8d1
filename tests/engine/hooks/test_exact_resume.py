"""A run that is resumed in the middle of an epoch ends with the bits of one that was not interrupted.

Each of these settings has a state of its own that a checkpoint has to carry.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distilpose.checkpoints import load_file
from distilpose.engine import train
from tests.engine import mixture, tiny
from tests.engine.ends import first_difference

MakeConfig = Callable[..., Path]
EPOCHS, LENGTH = 3, tiny.NUM_IMAGES // 4
STEPS = EPOCHS * LENGTH
EVERY_ITERATION = {'train_cfg.max_epochs': EPOCHS, 'default_hooks.checkpoint.by_epoch': False,
                   'default_hooks.checkpoint.interval': 1, 'log_processor.window_size': 4}
SWITCH = """
custom_hooks = [dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=[
    step for step in train_pipeline if step['type'] != 'RandomFlip'])]
"""
WORKERS = {'train_dataloader.num_workers': 2, 'train_dataloader.persistent_workers': True}


def assert_exact(config: Path, folder: Path, *, after: int, options: dict[str, Any] | None = None,
                 for_parts: dict[str, Any] | None = None) -> str:
    """Trains a config without an interruption and from a checkpoint on; returns the log of the latter."""
    more = {**EVERY_ITERATION, **(options or {})}
    train(config, work_dir=folder / 'whole', validate=False, options=more)
    end = load_file((folder / 'whole' / 'last_checkpoint').read_text())
    runner = train(config, work_dir=folder / 'parts', validate=False, options=more | (for_parts or {}),
                   resume=folder / 'whole' / f'iter_{after}.pth')
    assert first_difference(end, load_file((folder / 'parts' / 'last_checkpoint').read_text())) is None
    return Path(runner.logger.log_file).read_text()


@pytest.mark.parametrize('after', [2, 4])
def test_with_workers_that_outlive_epochs(make_config: MakeConfig, tmp_path: Path, after: int) -> None:
    assert_exact(make_config(), tmp_path, after=after, options=WORKERS)


@pytest.mark.parametrize('after', [2, 3, 5], ids=['before', 'at_the_end_of_the_epoch_before', 'behind'])
@pytest.mark.parametrize('workers', [{}, WORKERS], ids=['no_workers', 'workers'])
def test_around_another_pipeline(make_config: MakeConfig, tmp_path: Path, after: int,
                                 workers: dict[str, Any]) -> None:
    assert_exact(make_config(extra=SWITCH), tmp_path, after=after, options=workers)


@pytest.mark.parametrize('after', [1, 3, 4, 5])
def test_accumulated_gradients(make_config: MakeConfig, tmp_path: Path, after: int) -> None:
    """An update every two iterations of three: also checkpoints of the end of an epoch lie between two updates."""
    log = assert_exact(make_config(), tmp_path, after=after, options={'optim_wrapper.accumulative_counts': 2})
    assert ('accumulated gradients of 1 iteration(s)' in log) == (after % 2 == 1)


def test_clipped_bfloat16(make_config: MakeConfig, tmp_path: Path) -> None:
    assert_exact(make_config(), tmp_path, after=4, options={
        'optim_wrapper.type': 'AutocastOptimWrapper', 'optim_wrapper.dtype': 'bfloat16',
        'optim_wrapper.clip_grad': dict(max_norm=0.1)})


def test_optimizers_with_groups_and_averages(make_config: MakeConfig, tmp_path: Path) -> None:
    assert_exact(make_config(), tmp_path, after=5, options={
        'optim_wrapper.optimizer': dict(_delete_=True, type='AdamW', lr=1e-2, weight_decay=0.1),
        'optim_wrapper.paramwise_cfg': dict(norm_decay_mult=0, bias_lr_mult=2.0),
        'custom_hooks': [dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.002, update_buffers=True)]})


@pytest.mark.parametrize('after', [2, 4])
def test_shares_of_gradients(tiny_data: Path, tmp_path: Path, after: int) -> None:
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    assert_exact(config, tmp_path, after=after, options={'custom_hooks': [dict(type='GradientShareHook', interval=2)]})
    history = load_file(tmp_path / 'parts' / f'iter_{STEPS}.pth')['message_hub']['log_scalars']
    assert any('grad_share' in name for name in history)


@pytest.mark.parametrize('after', [2, 5, 7])
def test_teacher_caches(tiny_data: Path, tmp_path: Path, after: int) -> None:
    """That hold all of the teacher's answers when the run is resumed, or none."""
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    cache = dict(type='TeacherCacheHook', folder=str(tmp_path / 'cache'), variants=2, dtype='float32')
    assert_exact(config, tmp_path, after=after, options={'default_hooks.teacher_cache': cache})
    options = {'default_hooks.teacher_cache': {**cache, 'folder': str(tmp_path / 'empty')}}
    train(config, work_dir=tmp_path / 'again', validate=False, options=EVERY_ITERATION | options,
          resume=tmp_path / 'whole' / f'iter_{after}.pth')
    ends = [load_file(tmp_path / name / f'iter_{STEPS}.pth') for name in ('whole', 'again')]
    assert first_difference(*ends) is None


@pytest.mark.parametrize('sampler', [mixture.MULTI_SOURCE, mixture.AS_IT_COMES], ids=['shares', 'as_it_comes'])
def test_mixtures_with_workers(tiny_data: Path, tmp_path: Path, sampler: str) -> None:
    config = mixture.write(tmp_path, tiny_data, workers=2, sampler=sampler)
    assert_exact(config, tmp_path, after=7, options={'train_cfg.max_epochs': 2})
