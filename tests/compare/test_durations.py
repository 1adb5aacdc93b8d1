"""Estimate of a plan: iterations that are left, seconds of one by results, logs or a short run."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.compare import durations
from distilpose.compare.durations import Duration, describe, estimate_durations
from distilpose.compare.plan_tasks import Task, Tasks
from distilpose.compare.results import machine
from distilpose.engine import read_config, train
from tests.compare.plans import make_tasks, write_plan, write_result
from tests.engine import tiny


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    write_plan(tmp_path)
    return make_tasks(tmp_path)


def test_iterations_that_are_left_are_counted(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, '_measure', lambda *_, **options: 0.5)
    write_result(tasks, Task('teacher', 0), ap=0.5, **machine())
    found = {entry.title: entry for entry in estimate_durations(tasks, tasks.in_order, threads=None)}
    teacher, alone = found['the teacher'], found['alone']
    assert (teacher.trainings, teacher.iterations, teacher.seconds, teacher.source) == (1, 6, 0.5, 'a result')
    assert (alone.trainings, alone.iterations, alone.seconds, alone.source) == (4, 3 + 3 + 6 + 6, 0.5, 'a short run')


@pytest.mark.parametrize('other', [dict(processor='another'), dict(device='another GPU')])
def test_results_of_another_machine_say_nothing(tasks: Tasks, monkeypatch: pytest.MonkeyPatch,
                                                other: dict[str, str]) -> None:
    monkeypatch.setattr(durations, '_measure', lambda *_, **options: 0.25)
    write_result(tasks, Task('teacher', 0), ap=0.5, **{**machine(), **other})
    assert estimate_durations(tasks, [Task('teacher', 0)], threads=None)[0].seconds == 0.25


def test_what_a_checkpoint_holds_is_not_left(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task('alone', 0, 0)
    cfg = tasks.plan(task).cfg
    train(cfg, work_dir=tasks.folder(task), seed=0, validate=False)
    cfg.train_cfg.max_epochs = 3
    monkeypatch.setattr(durations, '_measure', lambda *_, **options: 0.5)
    found = estimate_durations(tasks, [task], threads=None)[0]
    assert (found.iterations, found.source) == (9 - 3, 'a short run')  # the log is too short
    monkeypatch.setattr(durations, '_ITERATIONS', 3)
    found = estimate_durations(tasks, [task], threads=None)[0]
    assert found.source == 'a log' and found.seconds is not None and found.seconds > 0


def test_a_short_run_ends_after_some_iterations_without_a_checkpoint(tmp_path: Path) -> None:
    cfg = read_config(tiny.write_config(tmp_path / 'c.py', tiny.write_data(tmp_path / 'data'), epochs=50))
    seconds = durations._time(cfg, {}, tmp_path, None)
    assert seconds is not None and 0 < seconds < 10
    assert len(tiny.logged_losses(tmp_path / 'run')) in (19, 20)  # of 150
    assert not list((tmp_path / 'run').glob('iter_*.pth'))  # which a signal would leave


def test_a_short_run_of_a_student_takes_a_teacher_that_is_not_there_yet(tasks: Tasks) -> None:
    task = Task('distilled', 0)
    seconds = durations._time(tasks.plan(task).cfg, {'model.teacher.checkpoint': tasks.plan(Task('teacher', 0)).cfg},
                              tasks.work_dir.parent, None)
    assert seconds is not None and seconds > 0


def test_hours_are_shared_by_trainings_at_a_time() -> None:
    text = describe([Duration('A', 3, 3600, 2.0, 'a log'), Duration('B', 1, 10, None, 'a short run')], jobs=2)
    assert '| A | 3 | 3,600 | 2.000 | 2.00 | a log |' in text and '| B | 1 | 10 | unknown |' in text
    assert text.endswith('Estimate: 2.00 hours of training, 1.00 with 2 at a time, without validations.')
