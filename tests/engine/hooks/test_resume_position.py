"""Resuming from a checkpoint that was written in the middle of an epoch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner
from mmpose.registry import DATA_SAMPLERS, MODELS
from torch import nn

from distilpose.checkpoints import load_file
from distilpose.engine import train
from distilpose.errors import DistilPoseError

from .. import mixture, tiny
from ..processes import run_in_two_processes

MakeConfig = Callable[..., Path]
EPOCHS, LENGTH = 3, tiny.NUM_IMAGES // 4
STEPS = EPOCHS * LENGTH
SCHEDULES = f"""
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end={STEPS}),
                   dict(type='MultiStepLR', by_epoch=True, milestones=[2])]
"""


def options(**more: object) -> dict[str, object]:
    return {'train_cfg.max_epochs': EPOCHS, 'default_hooks.checkpoint.by_epoch': False,
            'default_hooks.checkpoint.interval': 1, 'default_hooks.logger.interval': 1,
            'log_processor.window_size': 1, **more}


def run(config: Path, work_dir: Path, resume: Path | None = None, **more: object) -> Runner:
    return train(config, work_dir=work_dir, validate=False, options=options(**more),
                 resume=None if resume is None else str(resume))


def logged(work_dir: Path, name: str) -> dict[int, float]:
    lines = [json.loads(line) for line in next(work_dir.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    return {line['step']: line[name] for line in lines if name in line}


def assert_continues(whole: Path, parts: Path, *, after: int) -> None:
    """Losses, learning rates and final weights of the resumed run are the uninterrupted run's."""
    for name in ('loss', 'lr'):
        expected = logged(whole, name)
        assert len(expected) == STEPS
        assert logged(parts, name) == {step: expected[step] for step in range(after + 1, STEPS + 1)}
    first, second = (load_file(folder / f'iter_{STEPS}.pth')['state_dict'] for folder in (whole, parts))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def config(make_config: MakeConfig) -> Path:
    return make_config(extra=SCHEDULES)


@pytest.mark.parametrize('after', [1, LENGTH, LENGTH + 2], ids=['first_epoch', 'at_its_end', 'second_epoch'])
def test_the_rest_of_the_epoch_follows(config: Path, tmp_path: Path, after: int) -> None:
    run(config, tmp_path / 'whole')
    runner = run(config, tmp_path / 'parts', tmp_path / 'whole' / f'iter_{after}.pth')
    assert (runner.epoch, runner.iter, runner.max_iters) == (EPOCHS, STEPS, STEPS)
    assert_continues(tmp_path / 'whole', tmp_path / 'parts', after=after)
    assert f'{(after - 1) % LENGTH + 1} of {LENGTH} iterations' in Path(runner.logger.log_file).read_text()


def test_with_workers_averages_and_a_decaying_term(tiny_data: Path, tmp_path: Path) -> None:
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    more = {'train_dataloader.num_workers': 2, 'train_dataloader.persistent_workers': True,
            'model.terms.simulated_heatmap.schedule': 'linear_decay',
            'custom_hooks': [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]}
    run(config, tmp_path / 'whole', **more)
    run(config, tmp_path / 'parts', tmp_path / 'whole' / 'iter_4.pth', **more)
    assert_continues(tmp_path / 'whole', tmp_path / 'parts', after=4)
    whole, parts = (load_file(tmp_path / name / f'iter_{STEPS}.pth')['ema_state_dict'] for name in ('whole', 'parts'))
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


@pytest.mark.parametrize('sampler', [mixture.MULTI_SOURCE, mixture.AS_IT_COMES], ids=['shares', 'as_it_comes'])
def test_mixtures(tiny_data: Path, tmp_path: Path, sampler: str) -> None:
    config = mixture.write(tmp_path, tiny_data, sampler=sampler)
    runner = run(config, tmp_path / 'whole', **{'train_cfg.max_epochs': 2})
    run(config, tmp_path / 'parts', tmp_path / 'whole' / f'iter_{runner.max_iters // 2 + 3}.pth',
        **{'train_cfg.max_epochs': 2})
    whole, parts = logged(tmp_path / 'whole', 'loss'), logged(tmp_path / 'parts', 'loss')
    assert len(parts) == runner.max_iters // 2 - 3 > 0 and parts == {step: whole[step] for step in parts}


_TWO_PROCESSES = """
import sys
from pathlib import Path
import mmengine.config.config
from distilpose.engine import train
from tests.engine.hooks.test_resume_position import options
mmengine.config.config.FormatCode = lambda text, **_: (text, True)  # as the fixture unformatted_configs
config, folder = sys.argv[1], Path(sys.argv[2])
for name, resume in (('whole', None), ('parts', str(folder / 'whole' / 'iter_3.pth'))):
    train(config, work_dir=folder / name, validate=False, launcher='pytorch', resume=resume, options=options())
"""


@pytest.mark.slow
def test_two_processes_skip_alike(config: Path, tmp_path: Path) -> None:
    run_in_two_processes(_TWO_PROCESSES, tmp_path, config, tmp_path)
    whole, parts = logged(tmp_path / 'whole', 'loss'), logged(tmp_path / 'parts', 'loss')
    assert sorted(whole) == [1, 2, 3, 4, 5, 6], '12 images, 2 processes of 4 each'
    assert parts == {step: whole[step] for step in (4, 5, 6)}


@MODELS.register_module()
class SteadyBackbone(tiny.TinyBackbone):
    """Without dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.layers[-1] = nn.Identity()


PLAIN = """
default_hooks = dict(_delete_=True, checkpoint=dict(type='CheckpointHook'), logger=dict(type='LoggerHook'))
train_pipeline[2:4] = []
model['backbone'] = dict(type='SteadyBackbone')
"""


def test_a_config_without_the_hooks_of_this_project(make_config: MakeConfig, tmp_path: Path) -> None:
    """Where nothing is random but the order of samples; other numbers are drawn anew, as mmengine resumes."""
    config = make_config(extra=SCHEDULES + PLAIN)
    run(config, tmp_path / 'whole')
    run(config, tmp_path / 'parts', tmp_path / 'whole' / 'iter_4.pth')
    assert_continues(tmp_path / 'whole', tmp_path / 'parts', after=4)


def test_a_mixture_without_a_known_order_is_refused(tiny_data: Path, tmp_path: Path) -> None:
    config = mixture.write(tmp_path, tiny_data)
    with config.open('a') as file:
        file.write("default_hooks = dict(_delete_=True, checkpoint=dict(type='CheckpointHook'), "
                   "logger=dict(type='LoggerHook'))")
    run(config, tmp_path / 'whole', **{'train_cfg.max_epochs': 1})
    with pytest.raises(DistilPoseError, match='2 iterations into an epoch, and MultiSourceSampler does not get'):
        run(config, tmp_path / 'parts', tmp_path / 'whole' / 'iter_2.pth')


@pytest.fixture(scope='module')
def trained(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config and the work directory ``run`` beside it, of two epochs with a checkpoint in every iteration."""
    folder = tmp_path_factory.mktemp('trained')
    config = tiny.write_config(folder / 'config.py', tiny_data)
    run(config, folder / 'run', **{'train_cfg.max_epochs': 2})
    return config


@pytest.mark.parametrize('change, words', [
    ({'train_dataloader.batch_size': 3}, 'after 1 of the 3 iterations of epoch 2, and an epoch has 4 iterations here; '
                                         'set the batch size'),
    ({'randomness.seed': 5}, '1 iterations into an epoch, and the seed of this run is another one'),
    ({'train_dataloader.batch_sampler': dict(type='OwnBatches')}, 'and OwnBatches has no sampler'),
])
def test_an_unknown_rest_is_refused(trained: Path, tmp_path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(DistilPoseError, match=f'the checkpoint was written .*{words}'):
        run(trained, tmp_path, trained.parent / 'run' / 'iter_4.pth', **change)
    assert not list(tmp_path.glob('*.pth'))


@DATA_SAMPLERS.register_module()
class OwnBatches:
    """Batches that no sampler is behind."""

    def __init__(self, sampler: object, batch_size: int) -> None:
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[list[int]]:
        yield from ([index] for index in range(3))

    def __len__(self) -> int:
        return 3


def test_another_batch_size_after_an_epoch_counts_right(trained: Path, make_config: MakeConfig,
                                                        tmp_path: Path) -> None:
    """Before, such a run ended at iteration 7 of 12, or 9 of 6."""
    end_of_epoch = {'default_hooks.checkpoint.by_epoch': True}
    run(trained, tmp_path / 'whole', **end_of_epoch, **{'train_cfg.max_epochs': 1})
    for batch_size, length in ((2, 6), (6, 2)):
        runner = run(trained, tmp_path / str(length), tmp_path / 'whole' / 'epoch_1.pth', **end_of_epoch,
                     **{'train_cfg.max_epochs': 2, 'train_dataloader.batch_size': batch_size})
        assert runner.iter == runner.max_iters == 2 * length
        log = Path(runner.logger.log_file).read_text()
        assert f'counts 3 iterations, and 1 epochs have {length} here' in log
