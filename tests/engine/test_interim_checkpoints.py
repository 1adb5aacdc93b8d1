"""Checkpoints in the middle of an epoch: what is written, found, continued exactly, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from distilpose.checkpoints import load_file
from distilpose.engine import train
from distilpose.engine.interim_checkpoints import is_resumable_now, remove_interim, save_now
from distilpose.engine.resuming.checkpoint_search import newest_whole_checkpoint

from .test_training import BY_ITERATION, EMA

MakeConfig = Callable[..., Path]


class Stopped(Exception):
    """The run ends here."""


@HOOKS.register_module(force=True)
class SaveAt(Hook):
    """Saves after these iterations, and stops after one of them."""

    priority = 'LOWEST'
    saved: list[str]

    def __init__(self, *, at: list[int], stop: int | None = None, is_removing: bool = False) -> None:
        self.at, self.stop, self.is_removing = at, stop, is_removing
        type(self).saved = []

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if runner.iter + 1 in self.at and is_resumable_now(runner):
            self.saved.append(save_now(runner, 'a test'))
        if runner.iter + 1 == self.stop:
            raise Stopped

    def after_train_epoch(self, runner: Any) -> None:
        if self.is_removing:
            remove_interim(runner)


def save_at(at: list[int], **more: Any) -> dict[str, Any]:
    return {'default_hooks.save_at': dict(type='SaveAt', at=at, **more)}


def assert_equal(one: Path, other: Path) -> None:
    first, second = load_file(one), load_file(other)
    assert all(torch.equal(value, second['state_dict'][name]) for name, value in first['state_dict'].items())
    assert first['param_schedulers'] == second['param_schedulers']


@pytest.mark.parametrize('stop', [1, 3, 4])
@pytest.mark.parametrize('workers', [0, 2])
def test_a_run_continues_exactly(make_config: MakeConfig, tmp_path: Path, stop: int, workers: int) -> None:
    config = make_config(workers=workers, extra=EMA)
    train(config, work_dir=tmp_path / 'whole', validate=False)
    with pytest.raises(Stopped):
        train(config, work_dir=tmp_path / 'parts', validate=False, options=save_at([stop], stop=stop))
    file = tmp_path / 'parts' / f'iter_{stop}.pth'
    assert newest_whole_checkpoint(tmp_path / 'parts')[0] == file and load_file(file)['meta']['iter'] == stop
    train(config, work_dir=tmp_path / 'parts', validate=False, resume='auto')
    assert_equal(tmp_path / 'whole' / 'epoch_2.pth', tmp_path / 'parts' / 'epoch_2.pth')


def test_only_the_newest_is_kept_until_the_schedule_writes_one(make_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(make_config(), work_dir=tmp_path, validate=False, options=save_at([1, 2], stop=2))
    assert [file.name for file in tmp_path.glob('*.pth')] == ['iter_2.pth']
    train(make_config(), work_dir=tmp_path, validate=False, resume='auto', options=save_at([], is_removing=True))
    assert sorted(file.name for file in tmp_path.glob('*.pth')) == ['epoch_1.pth', 'epoch_2.pth']


def test_what_the_schedule_has_just_written_is_not_written_again(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(extra=BY_ITERATION)
    train(config, work_dir=tmp_path, validate=False, options=save_at([3, 4, 6], is_removing=True))
    assert [Path(file).name for file in SaveAt.saved] == ['iter_3.pth', 'iter_4.pth', 'iter_6.pth']
    assert {file.name for file in tmp_path.glob('*.pth')} >= {'iter_3.pth', 'iter_6.pth'}


def test_accumulated_gradients_are_not_lost(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(extra="optim_wrapper['accumulative_counts'] = 2\n")
    train(config, work_dir=tmp_path, validate=False, options=save_at([1, 2, 3, 4]))
    assert [Path(file).name for file in SaveAt.saved] == ['iter_2.pth', 'iter_4.pth']


def test_other_files_are_not_deleted(make_config: MakeConfig, tmp_path: Path) -> None:
    """A checkpoint is somebody's: what it names is looked up in the run's own folder, by the shape of its name."""
    with pytest.raises(Stopped):
        train(make_config(), work_dir=tmp_path / 'run', validate=False, options=save_at([1], stop=1))
    kept = [tmp_path / 'kept.txt', tmp_path / 'iter_1.pth']
    for file in kept:
        file.write_text('kept')
    content = torch.load(tmp_path / 'run' / 'iter_1.pth', weights_only=False)
    content['message_hub']['runtime_info']['interim_checkpoints'] = ['../kept.txt', str(kept[1])]
    torch.save(content, tmp_path / 'run' / 'iter_1.pth')
    train(make_config(), work_dir=tmp_path / 'run', validate=False, resume='auto',
          options=save_at([], is_removing=True))
    assert all(file.is_file() for file in kept)
