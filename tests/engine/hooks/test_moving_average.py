"""A teacher that is the moving average of the student: its updates, its checkpoints, and resuming to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor

from distilpose.checkpoints import load_file
from distilpose.engine import train
from distilpose.engine.unwrapped_model import unwrapped_model
from distilpose.errors import DistilPoseError
from tests.engine import tiny
from tests.engine.ends import first_difference

EPOCHS, LENGTH = 3, tiny.NUM_IMAGES // 4
STEPS = EPOCHS * LENGTH
EVERY_ITERATION = {'train_cfg.max_epochs': EPOCHS, 'default_hooks.checkpoint.by_epoch': False,
                   'default_hooks.checkpoint.interval': 1, 'log_processor.window_size': 4}
_CONFIG = """
_base_ = {student!r}
model = dict(
    _delete_=True, type='PoseDistiller', student=_base_.model,
    teacher=dict(type='MovingAverageTeacher', momentum=0.8, warmup=1, view='clean'),
    terms=dict(coordinates=dict(type='CoordinateTerm', weight=1.0)))
custom_hooks = [dict(type='RecordingHook')]
"""


@HOOKS.register_module()
class RecordingHook(Hook):
    """Keeps the weights after every iteration."""

    def before_train(self, runner: Runner) -> None:
        self.weights = [copies(runner)]

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.weights.append(copies(runner))


def copies(runner: Runner) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in unwrapped_model(runner).student.state_dict().items()}


@pytest.fixture
def config(tiny_data: Path, tmp_path: Path) -> Path:
    student = tiny.write_config(tmp_path / 'student.py', tiny_data)
    file = tmp_path / 'moving.py'
    file.write_text(_CONFIG.format(student=str(student)))
    return file


def run(config: Path, folder: Path, options: dict[str, Any] | None = None, **kwargs: Any) -> Runner:
    return train(config, work_dir=folder, validate=False, options=EVERY_ITERATION | (options or {}), **kwargs)


def recorded(runner: Runner) -> list[dict[str, Tensor]]:
    return next(hook.weights for hook in runner.hooks if isinstance(hook, RecordingHook))


def averages(folder: Path) -> list[dict[str, Any]]:
    """Those of the checkpoints after every iteration."""
    return [load_file(folder / f'iter_{step}.pth')['moving_average']['teacher'] for step in range(1, STEPS + 1)]


def assert_average_of(weights: list[dict[str, Tensor]], found: list[dict[str, Any]], momenta: list[float]) -> None:
    expected = weights[0]
    for step, momentum in enumerate(momenta):
        now = weights[step + 1]
        expected = {name: value.lerp(now[name], 1 - momentum) if value.is_floating_point() else now[name]
                    for name, value in expected.items()}
        for name, value in found[step]['state_dict'].items():
            torch.testing.assert_close(value, expected[name])


def test_checkpoints_hold_the_average_after_their_iteration(config: Path, tmp_path: Path) -> None:
    runner = run(config, tmp_path / 'run')
    found = averages(tmp_path / 'run')
    assert [state['updates'] for state in found] == list(range(1, STEPS + 1))
    assert_average_of(recorded(runner), found, [min(0.8, step / (step + 1)) for step in range(1, STEPS + 1)])
    last = load_file(tmp_path / 'run' / f'iter_{STEPS}.pth')
    assert last['state_dict'].keys() == recorded(runner)[-1].keys(), 'it is a checkpoint of the student'
    losses = last['message_hub']['log_scalars']['train/loss_coordinates'].data[0]
    assert (losses > 0).all(), 'the student has dropout'


def test_before_its_start_it_is_the_student_and_is_not_run(config: Path, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    runner = run(config, tmp_path / 'run', {'model.teacher.start': 4})
    found = averages(tmp_path / 'run')
    assert [state['updates'] for state in found] == [0, 0, 0, 0, 1, 2, 3, 4, 5]
    assert_average_of(recorded(runner), found, [0, 0, 0, 0, 1 / 2, 2 / 3, 3 / 4, 0.8, 0.8])
    hub = load_file(tmp_path / 'run' / f'iter_{STEPS}.pth')['message_hub']
    losses = hub['log_scalars']['train/loss_coordinates'].data[0]
    assert (losses[:4] == 0).all() and (losses[4:] > 0).all()


@pytest.mark.parametrize('after', [2, 3, 5], ids=['in_an_epoch', 'at_its_end', 'in_the_next'])
@pytest.mark.parametrize('options', [
    {}, {'model.teacher.start': 0.5}, {'optim_wrapper.accumulative_counts': 2}, {'model.teacher.buffers': 'copy'}],
    ids=['plain', 'start', 'accumulation', 'copied_buffers'])
def test_resuming_is_exact(config: Path, tmp_path: Path, options: dict[str, Any], after: int) -> None:
    run(config, tmp_path / 'whole', options)
    run(config, tmp_path / 'parts', options, resume=tmp_path / 'whole' / f'iter_{after}.pth')
    ends = [load_file(tmp_path / name / f'iter_{STEPS}.pth') for name in ('whole', 'parts')]
    assert first_difference(*ends) is None
    assert 'starts anew' not in log_of(tmp_path / 'parts')


def test_accumulated_gradients_are_one_update(config: Path, tmp_path: Path) -> None:
    run(config, tmp_path / 'run', {'optim_wrapper.accumulative_counts': 3})
    assert [state['updates'] for state in averages(tmp_path / 'run')] == [0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_a_checkpoint_without_an_average_is_a_sentence(config: Path, tmp_path: Path) -> None:
    run(config, tmp_path / 'run')
    checkpoint = load_file(tmp_path / 'run' / 'iter_2.pth')
    del checkpoint['moving_average']
    torch.save(checkpoint, tmp_path / 'iter_2.pth')
    runner = run(config, tmp_path / 'other', resume=tmp_path / 'iter_2.pth')
    assert "has no moving average of the student for the teacher 'teacher', which starts anew" in log_of(
        tmp_path / 'other')
    state = load_file(tmp_path / 'other' / f'iter_{STEPS}.pth')['moving_average']['teacher']
    assert state['updates'] == STEPS - 2 and runner.iter == STEPS


def test_an_average_that_is_not_finite_or_of_another_network_is_refused(config: Path, tmp_path: Path) -> None:
    run(config, tmp_path / 'run')
    checkpoint = load_file(tmp_path / 'run' / 'iter_2.pth')
    weights = checkpoint['moving_average']['teacher']['state_dict']
    name, value = next((name, value) for name, value in weights.items() if value.is_floating_point())
    weights[name] = torch.full_like(value, torch.nan)
    torch.save(checkpoint, tmp_path / 'iter_2.pth')
    with pytest.raises(DistilPoseError, match=r'iter_2\.pth \(moving_average\.teacher\) holds weights that are no'):
        run(config, tmp_path / 'other', resume=tmp_path / 'iter_2.pth')
    del weights[name]
    torch.save(checkpoint, tmp_path / 'iter_2.pth')
    with pytest.raises(DistilPoseError, match=r'iter_2\.pth \(moving_average\.teacher\) does not fit'):
        run(config, tmp_path / 'other', resume=tmp_path / 'iter_2.pth')


def test_load_from_starts_with_the_students_weights(config: Path, tmp_path: Path) -> None:
    run(config, tmp_path / 'run')
    source = tmp_path / 'run' / f'iter_{STEPS}.pth'
    runner = run(config, tmp_path / 'other', {'load_from': str(source), 'model.teacher.momentum': 0.5,
                                             'model.teacher.warmup': 0})
    assert all(map(torch.equal, recorded(runner)[0].values(), load_file(source)['state_dict'].values()))
    assert_average_of(recorded(runner), averages(tmp_path / 'other'), [0.5] * STEPS)


def log_of(folder: Path) -> str:
    return '\n'.join(file.read_text() for file in sorted(folder.glob('*/*.log')))
