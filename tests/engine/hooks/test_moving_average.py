"""A teacher that is the moving average of the student: its updates, its checkpoints, and resuming to the bit."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor

from distilpose.checkpoints import load_file
from distilpose.engine import train
from distilpose.engine.unwrapped_model import unwrapped_model
from distilpose.errors import DistilPoseError, Interrupted
from tests.engine import tiny
from tests.engine.ends import first_difference
from tests.engine.hooks.test_finite_check import ScaledOptimWrapper  # noqa: F401  (registers it)
from tests.engine.hooks.test_signals import Signalled  # noqa: F401
from tests.engine.processes import run_in_two_processes

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


@HOOKS.register_module()
class SpoilGradients(Hook):
    """Makes gradients of some iterations, counted from 1, NaN."""

    def __init__(self, at: list[int]) -> None:
        self.at, self.iteration = at, 0

    def before_train(self, runner: Runner) -> None:
        for parameter in runner.model.parameters():
            parameter.register_hook(lambda gradient: gradient * (math.nan if self.iteration in self.at else 1.0))

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.iteration = runner.iter + 1


def copies(runner: Runner) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in unwrapped_model(runner).student.state_dict().items()}


@pytest.fixture(scope='module')
def config(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('moving')
    student = tiny.write_config(folder / 'student.py', tiny_data)
    file = folder / 'moving.py'
    file.write_text(_CONFIG.format(student=str(student)))
    return file


class Whole(NamedTuple):
    """A training that several tests look at, or resume."""

    folder: Path
    weights: list[dict[str, Tensor]]
    """Of the student, before the first iteration and after each."""

    def after(self, step: int) -> dict[str, Any]:
        return load_file(self.folder / f'iter_{step}.pth')

    @property
    def end(self) -> dict[str, Any]:
        return self.after(STEPS)


LATE = {'model.teacher.start': 4}
ACCUMULATED = {'optim_wrapper.accumulative_counts': 3}
COPIED = {'model.teacher.buffers': 'copy'}


@pytest.fixture(scope='module')
def whole(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Whole]:
    """Trains to the end, once with the same options."""
    @functools.cache
    def trained(*options: tuple[str, Any]) -> Whole:
        folder = tmp_path_factory.mktemp('whole')
        with pytest.MonkeyPatch.context() as patch:  # as the fixture unformatted_configs
            patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
            return Whole(folder, recorded(run(config, folder, dict(options))))

    return lambda options=None: trained(*(options or {}).items())


def run(config: Path, folder: Path, options: dict[str, Any] | None = None, **kwargs: Any) -> Runner:
    return train(config, work_dir=folder, validate=False, options=EVERY_ITERATION | (options or {}), **kwargs)


def recorded(runner: Runner) -> list[dict[str, Tensor]]:
    return next(hook.weights for hook in runner.hooks if isinstance(hook, RecordingHook))


def averages(folder: Path, *, steps: int = STEPS) -> list[dict[str, Any]]:
    """Those of the checkpoints after every iteration."""
    return [load_file(folder / f'iter_{step}.pth')['moving_average']['teacher'] for step in range(1, steps + 1)]


def assert_average_of(weights: list[dict[str, Tensor]], found: list[dict[str, Any]], momenta: list[float]) -> None:
    expected = weights[0]
    for step, momentum in enumerate(momenta):
        now = weights[step + 1]
        expected = {name: value.lerp(now[name], 1 - momentum) if value.is_floating_point() else now[name]
                    for name, value in expected.items()}
        for name, value in found[step]['state_dict'].items():
            torch.testing.assert_close(value, expected[name])


def test_checkpoints_hold_the_average_after_their_iteration(whole: Callable[..., Whole]) -> None:
    folder, weights = whole()
    found, last = averages(folder), whole().end
    assert [state['updates'] for state in found] == list(range(1, STEPS + 1))
    assert_average_of(weights, found, [min(0.8, step / (step + 1)) for step in range(1, STEPS + 1)])
    assert last['state_dict'].keys() == weights[-1].keys(), 'it is a checkpoint of the student'
    losses = last['message_hub']['log_scalars']['train/loss_coordinates'].data[0]
    assert (losses > 0).all(), 'the student has dropout'


def test_before_its_start_it_is_the_student_and_is_not_run(whole: Callable[..., Whole]) -> None:
    folder, weights = whole(LATE)
    found = averages(folder)
    assert [state['updates'] for state in found] == [0, 0, 0, 0, 1, 2, 3, 4, 5]
    assert_average_of(weights, found, [0, 0, 0, 0, 1 / 2, 2 / 3, 3 / 4, 0.8, 0.8])
    losses = whole(LATE).end['message_hub']['log_scalars']['train/loss_coordinates'].data[0]
    assert (losses[:4] == 0).all() and (losses[4:] > 0).all()


@pytest.mark.parametrize(('after', 'options'), [
    (2, {}), (3, {}), (2, LATE), (5, LATE), (4, ACCUMULATED), pytest.param(5, COPIED, marks=pytest.mark.slow),
], ids=['in_an_epoch', 'at_its_end', 'before_start', 'behind_start', 'between_updates', 'copied_buffers'])
def test_resuming_is_exact(config: Path, tmp_path: Path, whole: Callable[..., Whole], after: int,
                           options: dict[str, Any]) -> None:
    run(config, tmp_path, options, resume=whole(options).folder / f'iter_{after}.pth')
    assert first_difference(whole(options).end, load_file(tmp_path / f'iter_{STEPS}.pth')) is None
    assert 'starts anew' not in log_of(tmp_path)


def test_a_start_behind_the_end_is_a_warning(config: Path, tmp_path: Path, whole: Callable[..., Whole]) -> None:
    run(config, tmp_path, {'model.teacher.start': LENGTH, 'train_cfg.max_epochs': 1})
    assert f'starts at iteration {LENGTH}, and this training has {LENGTH}: it is never run' in log_of(tmp_path)
    assert 'never run' not in log_of(whole(LATE).folder)


def test_accumulated_gradients_are_one_update(whole: Callable[..., Whole]) -> None:
    assert [state['updates'] for state in averages(whole(ACCUMULATED).folder)] == [0, 0, 1, 1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize('options', [
    {'default_hooks.finite_check.action': 'skip(2)'},
    *({'optim_wrapper': dict(type='ScaledOptimWrapper', init_scale=8.0, optimizer=dict(type='Adam', lr=1e-2, **fused))}
      for fused in ({}, dict(fused=True)))],
    ids=['finite_check', 'loss_scaler', 'fused_optimizer'])
def test_a_step_that_is_left_out_is_no_update(config: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    spoil = dict(type='SpoilGradients', at=[3, 4])
    run(config, tmp_path / 'run', {**options, 'default_hooks.spoil': spoil})
    found = averages(tmp_path / 'run')
    assert [state['updates'] for state in found] == [1, 2, 2, 2, 3, 4, 5, 6, 7]
    for name, value in found[1]['state_dict'].items():
        assert torch.equal(value, found[3]['state_dict'][name])


@pytest.mark.parametrize(('options', 'message'), [
    ({'default_hooks.teacher_cache.folder': 'cache'}, 'MovingAverageTeacher.* changes during the training'),
    ({'model.share_backbone': True, 'model.teacher.view': None}, 'share_backbone takes weights from the teacher, and '
     'RegressionHead is made of the student; drop the option'),
    ({'model.init_from_teacher': ['backbone']}, 'init_from_teacher takes weights from the teacher, and'),
    ({'default_hooks.moving_average': None}, 'nothing updates the teacher .*default_hooks.moving_average'),
])
def test_what_needs_a_teacher_with_weights_of_its_own_is_refused(
        config: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DistilPoseError, match=message):
        run(config, tmp_path / 'run', options)


def test_the_log_says_what_teacher_it_is(whole: Callable[..., Whole]) -> None:
    log = log_of(whole().folder)
    assert 'Teacher: moving average of the student (momentum 0.8).' in log
    assert 'The teacher was not evaluated: it is made of the student' in log
    facts = whole().after(1)['meta']['resume_facts']['model']
    assert not any('weights' in name for name in facts) and len(facts) == 1


def test_frozen_modules_are_the_same_in_the_average(config: Path, tmp_path: Path) -> None:
    runner = run(config, tmp_path, {'model.freeze': ['backbone'], 'train_cfg.max_epochs': 1})
    first, last = recorded(runner)[0], averages(tmp_path, steps=LENGTH)[-1]['state_dict']
    assert all(torch.equal(value, first[name]) == name.startswith('backbone') for name, value in last.items())


@pytest.mark.parametrize('after', [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_signal_stops_it_and_it_goes_on_exactly(config: Path, tmp_path: Path, whole: Callable[..., Whole],
                                                  after: int) -> None:
    by_epoch = {'default_hooks.checkpoint.by_epoch': True}
    stop = {'default_hooks.signalled': dict(type='Signalled', name='SIGTERM', point='train', at=after)}
    with pytest.raises(Interrupted):
        run(config, tmp_path, by_epoch | stop)
    run(config, tmp_path, by_epoch, resume='auto')
    end = load_file(tmp_path / f'epoch_{EPOCHS}.pth')
    assert first_difference(whole().end, end) is None and end['moving_average']['teacher']['updates'] == STEPS


_TWO_PROCESSES = """
import json
import sys
import mmengine.config.config
import torch
from mmengine import dist
from distilpose.engine import train
mmengine.config.config.FormatCode = lambda text, **_: (text, True)  # as the fixture unformatted_configs
config, folder, resume, options = sys.argv[1:]
runner = train(config, work_dir=folder, validate=False, launcher='pytorch', options=json.loads(options),
               resume=resume or None)
teacher = runner.model.module.teacher
torch.save(teacher.state_dict(), f'{folder}/rank_{dist.get_rank()}.pth')
statistics = runner.model.module.backbone.layers[3].running_mean
torch.save(statistics, f'{folder}/statistics_{dist.get_rank()}.pth')
"""


@pytest.mark.slow
def test_two_processes_have_one_average_and_resume_exactly(config: Path, tmp_path: Path) -> None:
    options = json.dumps(EVERY_ITERATION | {'train_dataloader.batch_size': 2, 'custom_hooks': []})
    for name, resume in (('whole', ''), ('parts', tmp_path / 'whole' / 'iter_5.pth')):
        (tmp_path / name).mkdir()
        run_in_two_processes(_TWO_PROCESSES, tmp_path, config, tmp_path / name, resume, options)
        one, other = (torch.load(tmp_path / name / f'rank_{rank}.pth') for rank in (0, 1))
        assert one['updates'] == other['updates'] == STEPS
        assert all(torch.equal(value, other['state_dict'][key]) for key, value in one['state_dict'].items())
    statistics = [torch.load(tmp_path / 'whole' / f'statistics_{rank}.pth') for rank in (0, 1)]
    assert not torch.equal(*statistics), 'each process normalises by its own batches'
    ends = [load_file(tmp_path / name / f'iter_{STEPS}.pth') for name in ('whole', 'parts')]
    assert first_difference(*ends) is None


@pytest.mark.slow
def test_with_a_compiled_student(config: Path, tmp_path: Path) -> None:
    runner = run(config, tmp_path / 'run', {'model.compile_student': 'default', 'train_cfg.max_epochs': 1})
    assert_average_of(recorded(runner), averages(tmp_path / 'run', steps=LENGTH), [1 / 2, 2 / 3, 3 / 4])


def test_a_checkpoint_without_an_average_is_a_sentence(config: Path, tmp_path: Path,
                                                       whole: Callable[..., Whole]) -> None:
    checkpoint = whole().after(7)
    del checkpoint['moving_average']
    torch.save(checkpoint, tmp_path / 'iter_7.pth')
    runner = run(config, tmp_path / 'other', resume=tmp_path / 'iter_7.pth')
    assert "has no moving average of the student for the teacher 'teacher', which starts anew" in log_of(
        tmp_path / 'other')
    state = load_file(tmp_path / 'other' / f'iter_{STEPS}.pth')['moving_average']['teacher']
    assert state['updates'] == STEPS - 7 and runner.iter == STEPS


def test_an_average_that_is_not_finite_or_of_another_network_is_refused(config: Path, tmp_path: Path,
                                                                        whole: Callable[..., Whole]) -> None:
    checkpoint = whole().after(2)
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


def test_load_from_starts_with_the_students_weights(config: Path, tmp_path: Path, whole: Callable[..., Whole]) -> None:
    source = whole().folder / f'iter_{STEPS}.pth'
    runner = run(config, tmp_path, {'load_from': str(source), 'model.teacher.momentum': 0.5, 'model.teacher.warmup': 0,
                                    'train_cfg.max_epochs': 1})
    assert all(map(torch.equal, recorded(runner)[0].values(), whole().end['state_dict'].values()))
    assert_average_of(recorded(runner), averages(tmp_path, steps=LENGTH), [0.5] * LENGTH)


def log_of(folder: Path) -> str:
    return '\n'.join(file.read_text() for file in sorted(folder.glob('*/*.log')))


_BESIDE = """
_base_ = {distillation!r}
model = dict(
    teacher=None, terms=dict(simulated_heatmap=None),
    teachers=dict(
        frozen=dict(_base_.model.teacher, terms=_base_.model.terms,
                    schedule=dict(type='window', start=0.0, end=0.5)),
        moving=dict(type='MovingAverageTeacher', momentum=0.8, start=0.5, view='clean',
                    terms=dict(coordinates=dict(type='CoordinateTerm')))))
"""


def test_beside_a_frozen_teacher(tmp_path: Path, tiny_data: Path) -> None:
    """Which teaches the first half, and the moving average the second."""
    _, distillation = tiny.write_distillation(tmp_path, tiny_data)
    config = tmp_path / 'beside.py'
    config.write_text(_BESIDE.format(distillation=str(distillation)))
    run(config, tmp_path / 'whole')
    run(config, tmp_path / 'parts', resume=tmp_path / 'whole' / 'iter_7.pth')
    ends = [load_file(tmp_path / name / f'iter_{STEPS}.pth') for name in ('whole', 'parts')]
    assert first_difference(*ends) is None
    assert ends[0]['moving_average'].keys() == {'moving'} and ends[0]['moving_average']['moving']['updates'] == 4
    scalars = ends[0]['message_hub']['log_scalars']
    frozen, moving = (scalars[f'train/loss_{name}'].data[0] > 0 for name in ('frozen_simulated_heatmap',
                                                                             'moving_coordinates'))
    assert (frozen != moving).all() and frozen[:5].all() and moving[5:].all()
