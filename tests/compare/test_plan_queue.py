"""Queue of a plan: order, several at a time, failures, and results that are there when a search ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distilpose.compare import plan_queue
from distilpose.compare.plan_main import left
from distilpose.compare.plan_queue import TrainingQueue
from distilpose.compare.plan_tasks import Task, Tasks
from distilpose.errors import DistilPoseError, Interrupted, MachineFailed, NotFinite
from tests.compare.plans import make_tasks, write_plan, write_result

NAMES = ['teacher, seed 0', 'alone, trial 1', 'alone, trial 2', 'alone, seed 0', 'distilled, seed 0', 'alone, seed 1',
         'distilled, seed 1']


class Process:
    """Stands for a process: it ends at the second look at it, with what the test says of its title."""

    started: list[str] = []
    most = 0
    running: list[Process] = []
    ends: dict[str, BaseException] = {}
    stopped: list[str] = []
    make: Callable[[str], None]

    def __init__(self, action: Callable[..., Any], *arguments: Any, title: str, folder: Path, show: Any) -> None:
        self.title, self.looks, self.action = title, 0, action
        self.started.append(title)
        self.running.append(self)
        Process.most = max(Process.most, len(self.running))

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: Any) -> None:
        self.running.remove(self)

    @property
    def is_running(self) -> bool:
        self.looks += 1
        return self.looks < 2

    def stop(self) -> None:
        self.stopped.append(self.title)

    def wait(self) -> dict[str, float] | None:
        if self.title in self.ends:
            raise self.ends[self.title]
        if self.action is plan_queue.make_checkpoint:
            return None
        if self.action is plan_queue.make_trial:
            return dict(value=0.5 if self.title.endswith('trial 2') else 0.1)
        Process.make(self.title)
        return dict(ap=0.5, mean_oks=0.5, pck=0.5)


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    write_plan(tmp_path)
    found = make_tasks(tmp_path)

    def make(title: str) -> None:
        name, _, seed = title.partition(', seed ')
        write_result(found, Task(name, int(seed)), ap=0.5)

    for name, value in dict(started=[], most=0, running=[], ends={}, stopped=[], make=staticmethod(make)).items():
        monkeypatch.setattr(Process, name, value, raising=False)
    monkeypatch.setattr(plan_queue, 'OwnProcess', Process)
    monkeypatch.setattr(plan_queue, '_SECONDS_BETWEEN_LOOKS', 0)
    monkeypatch.setattr(Tasks, 'checkpoint', lambda self, task: self.folder(task) / 'epoch_2.pth')
    return found


def run(tasks: Tasks, jobs: int = 1) -> dict[Task, str]:
    return TrainingQueue(tasks, left(tasks), threads=None).run(jobs=jobs)


def test_all_trainings_are_made_in_order_and_the_search_chooses(tasks: Tasks) -> None:
    assert run(tasks) == {} and Process.started == NAMES and Process.most == 1
    assert list((tasks.chosen(tasks.file.models['alone']) or {}).values()) == [1e-7]
    assert left(make_tasks(tasks.work_dir.parent)) == []
    assert (tasks.file.results / 'table.md').is_file()


def test_several_run_at_a_time_and_each_after_what_it_needs(tasks: Tasks) -> None:
    assert run(tasks, jobs=3) == {} and sorted(Process.started) == sorted(NAMES) and Process.most == 3
    order = Process.started
    assert order.index('alone, seed 0') > order.index('alone, trial 2')
    assert order.index('distilled, seed 0') > order.index('teacher, seed 0')


def test_a_failure_stops_what_needs_it_and_nothing_else(tasks: Tasks, capsys: pytest.CaptureFixture[str]) -> None:
    Process.ends['teacher, seed 0'] = MachineFailed('no memory')
    failed = run(tasks, jobs=2)
    assert failed == {Task('teacher', 0): 'no memory', Task('distilled', 0): 'it needs teacher, seed 0',
                      Task('distilled', 1): 'it needs teacher, seed 0'}
    assert 'alone, seed 1' in Process.started and 'teacher, seed 0: failed: no memory' in capsys.readouterr().out


def test_a_trial_that_diverges_is_not_chosen(tasks: Tasks) -> None:
    Process.ends['alone, trial 2'] = NotFinite('the loss is NaN')
    assert run(tasks) == {}
    assert list((tasks.chosen(tasks.file.models['alone']) or {}).values()) == [1e-2]


def test_without_a_trial_that_worked_the_model_fails(tasks: Tasks) -> None:
    Process.ends |= {f'alone, trial {number}': NotFinite('the loss is NaN') for number in (1, 2)}
    failed = run(tasks)
    assert {str(task) for task in failed} == {'alone, seed 0', 'alone, seed 1'}
    assert 'no trial of alone has a value' in failed[Task('alone', 0)]


def test_a_trial_with_wrong_input_is_not_taken_for_one_that_diverged(tasks: Tasks) -> None:
    Process.ends['alone, trial 1'] = DistilPoseError('search.metric is wrong')
    assert Task('alone', 1) in run(tasks) and left(make_tasks(tasks.work_dir.parent))[0] == Task('alone', 0, 0)


def test_a_stop_reaches_all_that_run_before_it_waits_for_one(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: Process) -> None:
        assert len(Process.running) == 2
        self.stopped.append(self.title)

    def interrupt(seconds: float) -> None:
        raise Interrupted(15, 'Stopped')  # type: ignore[arg-type]

    monkeypatch.setattr(Process, 'stop', stop)
    monkeypatch.setattr(plan_queue.time, 'sleep', interrupt)
    with pytest.raises(Interrupted):
        run(tasks, jobs=2)
    assert Process.stopped == NAMES[:2] and Process.running == []


def test_a_result_that_is_there_when_the_search_ends_is_not_made_again(tasks: Tasks, tmp_path: Path) -> None:
    run(tasks)
    tasks.search_file(tasks.file.models['alone']).unlink()
    Process.started.clear()
    assert run(make_tasks(tmp_path)) == {} and Process.started == ['alone, trial 1', 'alone, trial 2']


def test_a_training_that_is_made_again_for_its_checkpoint_leaves_its_result(
        tasks: Tasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(tasks)
    tasks.result_file(Task('distilled', 0)).unlink()
    Process.started.clear()
    checkpoint = Tasks.checkpoint
    monkeypatch.setattr(Tasks, 'checkpoint', lambda self, task: checkpoint(self, task) if Process.started else None)
    monkeypatch.setattr(Process, 'make', staticmethod(lambda title: write_result(tasks, Task('distilled', 0), ap=0.1)))
    assert run(make_tasks(tmp_path)) == {} and Process.started == ['teacher, seed 0', 'distilled, seed 0']
    assert 'teacher, seed 0: its checkpoint is there again' in capsys.readouterr().out
