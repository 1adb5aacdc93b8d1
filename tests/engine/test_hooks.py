"""The hooks by themselves and through a Runner."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from rich.console import Console
from torch import nn

from distilpose.engine import train
from distilpose.engine.hooks import ProgressHook, ResumableRandomnessHook, SignalHook, TeacherCheckHook
from distilpose.engine.hooks.progress import ProgressDisplay, describe_losses, format_duration
from distilpose.engine.hooks.randomness import SeededPreparation, seed_generators
from distilpose.engine.hooks.teacher_check import compare_keypoints
from distilpose.errors import DistilPoseError

from .tiny import assert_close_losses, logged_losses

NAMES = ('nose', 'left_eye', 'right_eye')


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_equal_numbers_seed_all_generators_equally() -> None:
    seed_generators((1, 2, 3), with_torch=True)
    first = draw()
    seed_generators((1, 2, 3), with_torch=True)
    assert draw() == first
    seed_generators((1, 3, 2), with_torch=True)
    assert all(one != other for one, other in zip(draw(), first, strict=True))


def test_torch_is_left_alone_in_the_main_process() -> None:
    torch.manual_seed(0)
    expected = torch.rand(())
    torch.manual_seed(0)
    SeededPreparation(lambda index: index, stream=(0, ), length=4)(3)
    assert torch.equal(torch.rand(()), expected)


def test_a_sample_depends_on_seed_epoch_and_index_only() -> None:
    prepare = SeededPreparation(lambda index: (random.random(), float(np.random.rand())), stream=(7, ), length=4)
    first = [prepare(index) for index in range(4)]
    assert [prepare(index) for index in reversed(range(4))] == first[::-1]
    assert len(set(first)) == 4
    prepare.epoch.fill_(1)
    assert not set(first) & {prepare(index) for index in range(4)}


def test_by_draw_a_sample_is_augmented_anew_every_time() -> None:
    prepare = SeededPreparation(lambda index: random.random(), stream=(7, ), length=1, by_draw=True)
    assert prepare(0) != prepare(0)


def test_a_data_set_that_cannot_be_seeded_is_named() -> None:
    lines: list[str] = []
    loader = SimpleNamespace(dataset=[1, 2], num_workers=0)
    runner = SimpleNamespace(seed=0, rank=0, _randomness_cfg={}, train_dataloader=loader, train_loop=object(),
                             logger=SimpleNamespace(warning=lines.append))
    ResumableRandomnessHook().before_train(runner)
    assert lines and lines[0].startswith('list has no prepare_data to seed')


def test_losses_do_not_depend_on_the_number_of_workers(make_config: Callable[..., Path], tmp_path: Path) -> None:
    for workers in (0, 2):
        train(make_config(workers=workers), work_dir=tmp_path / str(workers), validate=False)
    assert_close_losses(logged_losses(tmp_path / '2'), logged_losses(tmp_path / '0'))


class FakeTeacher:
    keypoint_names: tuple[str, ...] | None = NAMES
    loaded_digest = 'abc'
    current = 'abc'
    mode = 'eval'
    is_frozen = True

    def digest(self) -> str:
        return self.current


def fake_runner(teacher: Any, names: tuple[str, ...] = NAMES, **others: Any) -> tuple[Any, list[str]]:
    model: Any = nn.Linear(1, 1)
    model.teachers = {name: SimpleNamespace(teacher=one, keypoint_map=None)
                      for name, one in dict(others, **({} if others else dict(teacher=teacher))).items()}
    metainfo = dict(keypoint_id2name=dict(enumerate(names)))
    lines: list[str] = []
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=metainfo))
    return SimpleNamespace(model=model, train_dataloader=loader, hooks=[],
                           logger=SimpleNamespace(info=lines.append)), lines


def test_the_teacher_is_named_and_found_unchanged() -> None:
    runner, lines = fake_runner(FakeTeacher())
    TeacherCheckHook().before_train(runner)
    TeacherCheckHook().after_train(runner)
    assert lines == ['The teacher has the weights abc (SHA-256).',
                     "The teacher's weights are bit-identical to the loaded ones (abc)."]


def test_a_changed_teacher_is_an_error() -> None:
    teacher = FakeTeacher()
    teacher.current = 'def'
    runner, hook = fake_runner(teacher)[0], TeacherCheckHook()
    for verify in (hook.after_train, lambda runner: hook.before_save_checkpoint(runner, {})):
        with pytest.raises(DistilPoseError, match='weights changed during training'):
            verify(runner)


def test_each_of_several_teachers_is_verified_by_name() -> None:
    changed, moving = FakeTeacher(), FakeTeacher()
    moving.is_frozen, moving.current = False, 'ghi'
    runner, lines = fake_runner(None, body=FakeTeacher(), hands=changed, average=moving)
    hook = TeacherCheckHook()
    hook.before_train(runner)
    assert lines == [f'The teacher {name} has the weights abc (SHA-256).' for name in ('body', 'hands')]
    changed.current = 'def'
    with pytest.raises(DistilPoseError, match='the weights of the teacher hands changed.*were abc and are def'):
        hook.before_save_checkpoint(runner, {})


def test_teachers_that_start_and_end_are_logged() -> None:
    runner, lines = fake_runner(None, primary=FakeTeacher(), senior=FakeTeacher())
    hook, shares = TeacherCheckHook(), dict(primary=1.0, senior=0.0)
    for name, paired in runner.model.teachers.items():
        paired.factor = lambda name=name: shares[name]
    for runner.iter in range(4):
        shares.update(dict(primary=0.0, senior=0.5) if runner.iter > 1 else {})
        hook.before_train_iter(runner, 0)
    assert lines == ['Active teachers from iteration 1 on, with their weights: primary 1.',
                     'Active teachers from iteration 3 on, with their weights: senior 0.5.']


def test_another_order_of_one_of_several_teachers_is_named() -> None:
    other = FakeTeacher()
    other.keypoint_names = NAMES[::-1]
    with pytest.raises(DistilPoseError, match=r'keypoint 0 .* model.teachers.hands.keypoints'):
        TeacherCheckHook().before_train(fake_runner(None, body=FakeTeacher(), hands=other)[0])


def test_a_teacher_without_names_is_not_compared() -> None:
    teacher = FakeTeacher()
    teacher.keypoint_names = None
    runner, lines = fake_runner(teacher)
    TeacherCheckHook().before_train(runner)
    assert 'not compared' in lines[-1]


def test_without_a_teacher_nothing_happens() -> None:
    runner, lines = fake_runner(None)
    del runner.model.teachers
    TeacherCheckHook().before_train(runner)
    TeacherCheckHook().before_save_checkpoint(runner, {})
    TeacherCheckHook().after_train(runner)
    assert lines == []


@pytest.mark.parametrize(('data', 'words'), [
    (('nose', 'right_eye', 'left_eye'), "keypoint 1 is 'right_eye' in the training data and 'left_eye'"),
    (('nose', 'left_eye'), 'has 2 keypoints and the teacher has 3'),
])
def test_other_keypoints_are_refused(data: tuple[str, ...], words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        TeacherCheckHook().before_train(fake_runner(FakeTeacher(), data)[0])
    with pytest.raises(DistilPoseError, match=words):
        compare_keypoints(data, NAMES)


@pytest.mark.parametrize(('outputs', 'text'), [
    (dict(loss=torch.tensor(0.5), loss_kpt=torch.tensor(0.5), acc=1.0), 'loss 0.5'),
    (dict(loss=0.5, loss_kpt=0.25, loss_score=0.25), 'loss 0.5 (kpt 0.25, score 0.25)'),
    (dict(loss_kpt=0.25), 'kpt 0.25'),
    ({}, ''),
])
def test_losses_are_described(outputs: dict[str, Any], text: str) -> None:
    assert describe_losses(outputs) == text


@pytest.mark.parametrize(('seconds', 'text'), [(0, '00:00'), (61.4, '01:01'), (3723, '1:02:03')])
def test_durations_are_formatted(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error is a terminal of 150 columns, whatever it is for pytest."""
    stream = Terminal()
    console = Console(file=stream, force_terminal=True, width=150)
    monkeypatch.setattr(ProgressDisplay, 'on_terminal', classmethod(lambda cls: cls(console)))
    return stream


def test_on_a_terminal_the_bar_shows_figures(terminal: Terminal, make_config: Callable[..., Path],
                                             tmp_path: Path) -> None:
    runner = train(make_config(), work_dir=tmp_path / 'run')
    shown = terminal.getvalue()
    for words in ('epoch 2/2', '6/6', 'it/s', 'images/s', '00:00 left', 'loss 0.', 'val'):
        assert words in shown
    assert shown.rstrip().endswith('\x1b[2K'), 'the bar is taken away'
    log = Path(runner.logger.log_file).read_text()
    assert 'images/s' not in log and '\x1b' not in log


def test_log_lines_for_a_terminal_appear_above_the_bar(terminal: Terminal) -> None:
    logger = MMLogger('above')
    own = Terminal()
    logger.handlers[0].setStream(own)
    display = ProgressDisplay.on_terminal()
    assert display is not None
    display.redirect(logger)
    logger.info('a line while the bar is shown')
    display.close()
    logger.info('a line afterwards')
    assert 'while the bar is shown' in terminal.getvalue() and 'while' not in own.getvalue()
    assert 'afterwards' in own.getvalue() and 'afterwards' not in terminal.getvalue()


def test_a_piped_log_is_left_alone(terminal: Terminal) -> None:
    logger = MMLogger('piped')
    pipe = io.StringIO()
    logger.handlers[0].setStream(pipe)
    display = ProgressDisplay.on_terminal()
    assert display is not None
    display.redirect(logger)
    logger.info('a line')
    display.close()
    assert 'a line' in pipe.getvalue()


def test_a_narrow_terminal_keeps_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    display = ProgressDisplay(Console(file=stream, force_terminal=True, width=80))
    task = display.add('train, epoch 1/300', 1000)
    display.progress.update(task, rate='12.3 it/s, 98.4 images/s', left='12:34 left', metrics='loss 0.5 (' + 'x' * 90)
    lines = display.console.render_lines(display.progress.get_renderable())
    display.close()
    assert len(lines) == 1


def test_without_a_terminal_there_is_no_bar(capfd: pytest.CaptureFixture[str], make_config: Callable[..., Path],
                                            tmp_path: Path) -> None:
    train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False)
    captured = capfd.readouterr()
    assert 'it/s' not in captured.out + captured.err and '\x1b[?25l' not in captured.out + captured.err


def test_a_failing_run_gives_the_terminal_back(terminal: Terminal, make_config: Callable[..., Path], tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError('out of order')

    monkeypatch.setattr(ResumableRandomnessHook, 'before_train_iter', fail)
    with pytest.raises(RuntimeError, match='out of order'):
        train(make_config(), work_dir=tmp_path / 'run', validate=False)
    assert terminal.getvalue().count('\x1b[?25h') == terminal.getvalue().count('\x1b[?25l') == 1


def test_the_progress_hook_comes_after_the_logger() -> None:
    assert ProgressHook.priority == 'LOW'


def test_a_config_turns_a_default_hook_off(make_config: Callable[..., Path], tmp_path: Path) -> None:
    runner = train(make_config(epochs=1), work_dir=tmp_path, validate=False, options={'default_hooks.signals': None})
    assert not any(isinstance(hook, SignalHook) for hook in runner.hooks)
