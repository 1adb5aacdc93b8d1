"""Checkpoints: what is on the disk at every moment of saving, which one is the best, what a resumed run deletes."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub
from torch import nn

from distilpose.checkpoints import load_file, save_atomically
from distilpose.checkpoints.safe_loading import read_outline
from distilpose.engine import train
from distilpose.engine.default_hooks import add_default_hooks
from distilpose.engine.hooks import SafeCheckpointHook
from distilpose.errors import DistilPoseError, RunFailed

MakeConfig = Callable[..., Path]
AP = 'coco/AP'


class Runner:
    """What the hook needs of a Runner; saving writes a file and notes what is beside it."""

    def __init__(self, work_dir: Path, *, started: str = 'first') -> None:
        work_dir.mkdir(exist_ok=True)
        self.work_dir, self.started = str(work_dir), started
        self.message_hub = MessageHub(f'test_{id(self)}')
        self.logger = logging.getLogger('test')
        self.model, self.hooks, self.optim_wrapper = nn.Linear(2, 2), [], SimpleNamespace(should_update=lambda: True)
        self.epoch = self.iter = 0
        self._resume = False
        self.seen: list[tuple[str, list[str]]] = []
        self.fails_at: str | None = None

    def save_checkpoint(self, folder: str, filename: str, *args: Any, meta: dict[str, Any], **kwargs: Any) -> None:
        if filename == self.fails_at:
            raise RunFailed('full')
        content = dict(meta=dict(meta, experiment_name=self.started), message_hub=self.message_hub.state_dict(),
                       optimizer={}, state_dict=self.model.state_dict())
        save_atomically(content, Path(folder, filename))
        self.seen.append((filename, names(Path(folder))))

    def resumed(self, file: Path, hook: SafeCheckpointHook, *, started: str = 'second') -> Runner:
        """A run that goes on from a checkpoint, with its hook."""
        runner = Runner(file.parent, started=started)
        checkpoint = load_file(file)
        runner.message_hub.load_state_dict(checkpoint['message_hub'])
        runner._resume, runner.epoch, runner.iter = True, checkpoint['meta']['epoch'], checkpoint['meta']['iter']
        hook.after_load_checkpoint(runner, checkpoint)
        hook.before_train(runner)
        return runner


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob('*.pth'))


def make_hook(**options: Any) -> SafeCheckpointHook:
    return SafeCheckpointHook(**{**dict(interval=1, max_keep_ckpts=1, save_best=AP, rule='greater'), **options})


def train_epoch(runner: Runner, hook: SafeCheckpointHook, ap: float | None = None) -> None:
    """An epoch of ten iterations and a validation."""
    runner.iter += 10
    hook.after_train_epoch(runner)
    runner.epoch += 1
    if ap is not None:
        hook.after_val_epoch(runner, {AP: ap})


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setattr(SafeCheckpointHook, 'is_last_train_epoch', lambda *_: False)
    return Runner(tmp_path / 'run')


def test_a_new_one_is_whole_before_an_old_one_is_deleted(runner: Runner) -> None:
    hook = make_hook()
    hook.before_train(runner)
    for ap in (0.1, 0.2):
        train_epoch(runner, hook, ap)
    assert ('epoch_2.pth', ['best_coco_AP_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth']) in runner.seen
    assert ('best_coco_AP_epoch_2.pth',
            ['best_coco_AP_epoch_1.pth', 'best_coco_AP_epoch_2.pth', 'epoch_2.pth']) in runner.seen
    assert names(Path(runner.work_dir)) == ['best_coco_AP_epoch_2.pth', 'epoch_2.pth']
    assert Path(runner.work_dir, 'last_checkpoint').read_text() == str(Path(runner.work_dir, 'epoch_2.pth'))


@pytest.mark.parametrize('failing', ['epoch_2.pth', 'best_coco_AP_epoch_2.pth'])
def test_a_full_disk_deletes_nothing(runner: Runner, failing: str) -> None:
    hook = make_hook()
    hook.before_train(runner)
    train_epoch(runner, hook, 0.1)
    runner.fails_at = failing
    with pytest.raises(RunFailed):
        train_epoch(runner, hook, 0.2)
    assert {'best_coco_AP_epoch_1.pth'} <= set(names(Path(runner.work_dir)))
    last = Path(Path(runner.work_dir, 'last_checkpoint').read_text())
    assert last.is_file() and last.name == ('epoch_1.pth' if failing == 'epoch_2.pth' else 'epoch_2.pth')


def test_a_resumed_run_deletes_what_a_killed_one_was_about_to(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = make_hook()
    hook.before_train(runner)
    train_epoch(runner, hook, 0.1)
    with monkeypatch.context() as killed:
        killed.setattr(hook, '_remove_outdated', lambda runner: None)
        train_epoch(runner, hook)
    folder = Path(runner.work_dir)
    assert names(folder) == ['best_coco_AP_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth']
    again = make_hook()
    resumed = runner.resumed(folder / 'epoch_2.pth', again)
    assert names(folder) == ['best_coco_AP_epoch_1.pth', 'epoch_2.pth']
    train_epoch(resumed, again, 0.2)
    assert names(folder) == ['best_coco_AP_epoch_3.pth', 'epoch_3.pth']


def test_names_of_a_strangers_checkpoint_delete_no_other_files(runner: Runner, tmp_path: Path) -> None:
    kept = [tmp_path / 'kept.pth', tmp_path / 'run' / 'teacher.pth', tmp_path / 'best_x.pth']
    for file in kept:
        file.touch()
    hook = make_hook()
    hook.before_train(runner)
    runner.message_hub.update_info('best_ckpt', str(kept[1]))
    runner.message_hub.update_info('best_score', 0.0)
    hook.outdated = ['../kept.pth', 'teacher.pth', '../best_x.pth', str(kept[0])]
    runner.message_hub.update_info('outdated_ckpts', hook.outdated)
    runner.save_checkpoint(runner.work_dir, 'epoch_1.pth', meta=dict(epoch=1, iter=10))
    again = make_hook()
    train_epoch(runner.resumed(tmp_path / 'run' / 'epoch_1.pth', again), again, 0.2)
    assert all(file.is_file() for file in kept)


@pytest.mark.parametrize('rule', ['greater', 'less'])
@pytest.mark.parametrize('figure', [float('nan'), -1.0, float('inf'), float('-inf')])
def test_what_is_no_figure_is_never_the_best(runner: Runner, rule: str, figure: float,
                                             caplog: pytest.LogCaptureFixture) -> None:
    hook = make_hook(rule=rule)
    hook.before_train(runner)
    train_epoch(runner, hook, figure)
    assert names(Path(runner.work_dir)) == ['epoch_1.pth']
    assert f'{AP} is {figure}, which is no result' in caplog.text
    train_epoch(runner, hook, 0.5)
    train_epoch(runner, hook, figure)
    assert names(Path(runner.work_dir)) == ['best_coco_AP_epoch_2.pth', 'epoch_3.pth']
    assert runner.message_hub.get_info('best_score') == 0.5


def test_a_metric_that_is_not_there_is_named(runner: Runner) -> None:
    hook = make_hook(save_best='coco/APP')
    hook.before_train(runner)
    with pytest.raises(RunFailed, match=r'names coco/APP, which is none of the metrics: coco/AP'):
        train_epoch(runner, hook, 0.1)


@pytest.mark.parametrize('damage', ['missing', 'cut', 'flipped', 'score'])
def test_a_best_one_that_is_lost_is_replaced_by_the_next(runner: Runner, damage: str,
                                                         caplog: pytest.LogCaptureFixture) -> None:
    hook = make_hook()
    hook.before_train(runner)
    if damage == 'score':  # of a run before this hook
        runner.message_hub.update_info('best_score', float('nan'))
        runner.message_hub.update_info('best_ckpt', str(Path(runner.work_dir, 'best_coco_AP_epoch_1.pth')))
    train_epoch(runner, hook, None if damage == 'score' else 0.9)
    folder = Path(runner.work_dir)
    best = folder / 'best_coco_AP_epoch_1.pth'
    if damage == 'missing':
        best.unlink()
    elif damage == 'cut':
        best.write_bytes(best.read_bytes()[:-100])
    elif damage == 'flipped':
        data = bytearray(best.read_bytes())
        data[data.index(runner.model.weight.detach().numpy().tobytes())] ^= 1
        best.write_bytes(data)
    again = make_hook()
    resumed = runner.resumed(folder / 'epoch_1.pth', again)
    assert 'The best checkpoint so far is lost: ' in caplog.text
    train_epoch(resumed, again, 0.2)
    assert resumed.message_hub.get_info('best_score') == 0.2
    assert names(folder)[-2:] == ['best_coco_AP_epoch_2.pth', 'epoch_2.pth']


def test_a_copied_directory_leaves_the_best_one_of_the_original_alone(runner: Runner, tmp_path: Path) -> None:
    hook = make_hook()
    hook.before_train(runner)
    train_epoch(runner, hook, 0.1)
    shutil.copytree(runner.work_dir, tmp_path / 'copy')
    again = make_hook()
    train_epoch(runner.resumed(tmp_path / 'copy' / 'epoch_1.pth', again), again, 0.2)
    assert names(tmp_path / 'copy') == ['best_coco_AP_epoch_2.pth', 'epoch_2.pth']
    assert names(Path(runner.work_dir)) == ['best_coco_AP_epoch_1.pth', 'epoch_1.pth']


def test_a_best_one_that_was_written_right_before_a_kill_is_known(runner: Runner) -> None:
    hook = make_hook()
    hook.before_train(runner)
    train_epoch(runner, hook, 0.1)
    train_epoch(runner, hook)
    runner.fails_at = 'epoch_2.pth'  # a kill between the best one and the last one, which is to know of it
    with pytest.raises(RunFailed):
        hook.after_val_epoch(runner, {AP: 0.2})
    folder = Path(runner.work_dir)
    assert read_outline(folder / 'epoch_2.pth')['message_hub']['runtime_info']['best_score'] == 0.1
    again = make_hook()
    resumed = runner.resumed(folder / 'epoch_2.pth', again)
    assert resumed.message_hub.get_info('best_score') == 0.2
    assert names(folder) == ['best_coco_AP_epoch_2.pth', 'epoch_2.pth']


def test_one_is_written_within_an_epoch_when_minutes_have_passed(runner: Runner,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    hook, now = make_hook(minutes=10), [0.0]
    monkeypatch.setattr('distilpose.engine.hooks.checkpoint.time.monotonic', lambda: now[0])
    runner.hooks.append(hook)
    hook.before_train(runner)
    folder = Path(runner.work_dir)
    for now[0], expected in ((599, []), (600, ['iter_2.pth']), (1199, ['iter_2.pth']), (1200, ['iter_4.pth'])):
        hook.after_train_iter(runner, 0)
        runner.iter += 1
        assert names(folder) == expected
    assert ('iter_4.pth', ['iter_2.pth', 'iter_4.pth']) in runner.seen
    assert Path(folder, 'last_checkpoint').read_text() == str(folder / 'iter_4.pth')
    train_epoch(runner, hook)
    assert names(folder) == ['epoch_1.pth'] and runner.seen[-1][1] == ['epoch_1.pth', 'iter_4.pth']


def test_minutes_are_positive() -> None:
    with pytest.raises(DistilPoseError, match='minutes of SafeCheckpointHook is 0'):
        make_hook(minutes=0)


@pytest.mark.parametrize('kind', ['CheckpointHook', 'mmengine.CheckpointHook', 'mmpose.CheckpointHook'])
def test_it_takes_the_place_of_mmengines_but_not_with_another_runner(kind: str) -> None:
    hooks = dict(checkpoint=dict(type=kind, interval=7))
    cfg = Config(dict(default_hooks=hooks, custom_hooks=[dict(type=CheckpointHook, interval=3)]))
    add_default_hooks(cfg)
    assert cfg.default_hooks.checkpoint == dict(type='SafeCheckpointHook', interval=7)
    assert cfg.custom_hooks[0]['type'] == 'SafeCheckpointHook'
    sharded = Config(dict(default_hooks=hooks, runner_type='FlexibleRunner'))
    add_default_hooks(sharded)
    assert sharded.default_hooks.checkpoint.type == kind
    empty = Config(dict())
    add_default_hooks(empty)
    assert empty.default_hooks.checkpoint.type == 'SafeCheckpointHook'


def test_a_run_within_an_epoch_goes_on_exactly_there(make_config: MakeConfig, tmp_path: Path) -> None:
    """Of a real training, a checkpoint after every iteration, by the clock; one before an epoch's end is resumed."""
    options = {'default_hooks.checkpoint.minutes': 1e-9, 'default_hooks.checkpoint.interval': 100}
    train(make_config(), work_dir=tmp_path / 'whole', validate=False)
    kept: list[Path] = []

    def keep(file: Path) -> None:
        kept.append(Path(shutil.copy(file, tmp_path / file.name)))

    with pytest.MonkeyPatch.context() as patched:
        from distilpose.engine.hooks import checkpoint as module
        original = module.save_now
        patched.setattr(module, 'save_now', lambda runner, reason: keep(Path(original(runner, reason))))
        train(make_config(), work_dir=tmp_path / 'timed', validate=False, options=options)
    assert [file.name for file in kept] == [f'iter_{number}.pth' for number in range(1, 7)]
    assert names(tmp_path / 'timed') == ['epoch_2.pth']
    train(make_config(), work_dir=tmp_path / 'parts', validate=False, resume=str(kept[1]))
    one, other = (load_file(tmp_path / run / 'epoch_2.pth')['state_dict'] for run in ('whole', 'parts'))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
