"""Trainings of a plan: order, needs, searches, and results that are read instead of trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from distilpose.compare.plan_main import left
from distilpose.compare.plan_tasks import Task, Tasks, best_trial
from distilpose.errors import DistilPoseError
from tests.compare.plans import RATE, make_tasks, write_plan, write_result, write_search

TEACHER, TRIALS = Task('teacher', 0), [Task('alone', 0, 0), Task('alone', 0, 1)]
ALONE, DISTILLED = ([Task(name, seed) for seed in (0, 1)] for name in ('alone', 'distilled'))


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    write_plan(tmp_path)
    return make_tasks(tmp_path)


@pytest.fixture
def done(tasks: Tasks) -> Tasks:
    write_search(tasks, 0.2, 0.3)
    for task in (TEACHER, *ALONE, *DISTILLED):
        write_result(tasks, task, ap=0.5)
    return make_tasks(tasks.work_dir.parent)


def test_all_configs_are_read_and_the_order_is_seed_by_seed(tasks: Tasks) -> None:
    tasks.check()
    assert left(tasks) == [TEACHER, *TRIALS, ALONE[0], DISTILLED[0], ALONE[1], DISTILLED[1]]
    assert left(tasks, only=['distilled']) == [TEACHER, *DISTILLED]
    assert tasks.waits_for(ALONE[1]) == TRIALS
    assert tasks.needs(DISTILLED[1]) == {'model.teacher.checkpoint': TEACHER}


def test_trainings_that_need_each_other_are_refused(tmp_path: Path) -> None:
    write_plan(tmp_path, "models['teacher']['options'] = {'load_from': '@distilled'}\n"
                         "models['teacher']['seeds'] = [0, 1]\n")
    with pytest.raises(DistilPoseError, match='need each other'):
        make_tasks(tmp_path).check()


def test_a_trial_that_needs_what_needs_its_model_is_refused(tmp_path: Path) -> None:
    write_plan(tmp_path, "models['alone']['search'][1]['load_from'] = '@teacher'\n"
               "models['teacher']['options'] = {'load_from': '@alone'}\nmodels['teacher']['seeds'] = [0, 1]")
    with pytest.raises(DistilPoseError, match='need each other'):
        make_tasks(tmp_path).check()


def test_a_trial_that_does_not_fit_the_config_is_refused_at_once(tmp_path: Path) -> None:
    write_plan(tmp_path, "models['alone']['search'][1]['optim_wrapper.lr'] = 1\n")
    with pytest.raises(DistilPoseError, match=r'optim_wrapper\.lr would have no effect'):
        make_tasks(tmp_path).check()


def test_trials_have_the_options_of_the_search_and_the_best_ones_are_chosen(tasks: Tasks) -> None:
    cfg = tasks.plan(TRIALS[1]).cfg
    assert (cfg.train_cfg.max_epochs, cfg.optim_wrapper.optimizer.lr) == (1, 1e-7)
    assert cfg.val_evaluator == dict(type='PCKAccuracy', thr=0.1) == tasks.plan(TRIALS[0]).cfg.val_evaluator
    write_search(tasks, 0.2)
    assert tasks.chosen(tasks.file.models['alone']) is None and left(tasks)[:2] == [TEACHER, TRIALS[1]]
    write_search(tasks, 0.2, 0.3)
    assert tasks.options(ALONE[0]) == {RATE: 1e-7} and left(tasks)[:2] == [TEACHER, ALONE[0]]
    cfg = tasks.plan(ALONE[1]).cfg
    assert (cfg.train_cfg.max_epochs, cfg.optim_wrapper.optimizer.lr) == (2, 1e-7)
    stored = json.loads(tasks.search_file(tasks.file.models['alone']).read_text())
    assert stored['chosen'] == {RATE: 1e-7} and [trial['value'] for trial in stored['trials']] == [0.2, 0.3]


def test_trainings_share_the_reports_on_their_teachers(tasks: Tasks, tmp_path: Path) -> None:
    task = Task('alone', 0, 0)
    shared = str(tmp_path / 'work/teacher_reports')
    assert tasks.job(task).cfg.default_hooks.teacher_report.shared == shared
    without = make_tasks(tmp_path, **{'default_hooks.teacher_report': None})
    assert without.job(task).cfg.default_hooks.teacher_report is None
    own = make_tasks(tmp_path, custom_hooks=[dict(type='TeacherReportHook', people=7)]).job(task).cfg
    assert own.custom_hooks[0].shared == shared and 'teacher_report' not in own.default_hooks


def test_the_first_of_equal_trials_is_the_best_and_failed_ones_are_not() -> None:
    values = {index: dict(value=value) for index, value in enumerate([None, 0.0, 0.3, 0.3])}
    assert best_trial(values, number=4) == 2
    assert best_trial(values, number=5) is None
    assert best_trial({0: dict(value=None)}, number=1) is None


def test_without_a_trial_that_worked_nothing_is_chosen(tasks: Tasks) -> None:
    write_search(tasks, None, None)
    with pytest.raises(DistilPoseError, match='no trial of alone has a value'):
        tasks.job(ALONE[0])


def test_nothing_is_left_where_all_results_are_there_without_any_work_directory(done: Tasks) -> None:
    assert left(done) == []


def test_a_training_is_made_again_for_its_checkpoint(done: Tasks) -> None:
    done.result_file(DISTILLED[1]).unlink()
    assert left(done) == [TEACHER, DISTILLED[1]]
    done.result_file(ALONE[0]).unlink()
    assert left(done, only=['alone']) == [ALONE[0]]


@pytest.mark.parametrize(('options', 'expected'), [
    ({'train_cfg.max_epochs': 3}, r'teacher_seed0\.json is the result of another .*max_epochs is 2 there and 3 in the'),
    ({'val_dataloader.dataset.indices': [1, 2]}, r'val_dataloader\.dataset\.indices is absent there and \[1, 2\]'),
])
def test_results_of_another_plan_are_refused(done: Tasks, options: dict, expected: str) -> None:
    with pytest.raises(DistilPoseError, match=expected):
        left(make_tasks(done.work_dir.parent, **options))


def test_a_student_of_another_teacher_is_refused(done: Tasks) -> None:
    folder = done.work_dir.parent
    done.result_file(TEACHER).unlink()
    (folder / 'teacher.py').write_text((folder / 'teacher.py').read_text().replace('sigma=1', 'sigma=2'))
    with pytest.raises(DistilPoseError, match=r'needs\.model\.teacher\.checkpoint is'):
        make_tasks(folder).result(DISTILLED[0])


def test_a_config_that_is_edited_while_others_train_is_recorded_as_it_was_trained(tasks: Tasks) -> None:
    write_search(tasks, 0.2, 0.3)
    before = make_tasks(tasks.work_dir.parent).settings(DISTILLED[0])
    left(tasks)
    for file in tasks.work_dir.parent.glob('*.py'):
        file.write_text(file.read_text().replace('sigma=1', 'sigma=2'))
    assert make_tasks(tasks.work_dir.parent).settings(DISTILLED[0]) != before
    assert tasks.settings(DISTILLED[0]) == before


def test_a_search_is_recorded_with_the_config_that_its_trials_read(tasks: Tasks) -> None:
    left(tasks)
    file = tasks.work_dir.parent / 'student.py'
    before = file.read_text()
    file.write_text(before + '\nval_dataloader = dict(batch_size=3)\n')
    write_search(tasks, 0.2, 0.3)
    model = tasks.file.models['alone']
    with pytest.raises(DistilPoseError, match=r'val_dataloader\.batch_size'):
        make_tasks(tasks.work_dir.parent).trial_values(model)
    file.write_text(before)
    assert len(make_tasks(tasks.work_dir.parent).trial_values(model)) == 2


def test_results_hold_no_paths(done: Tasks, tmp_path_factory: pytest.TempPathFactory) -> None:
    moved = tmp_path_factory.mktemp('moved') / 'there'
    shutil.copytree(done.work_dir.parent, moved)
    for file in moved.glob('*.py'):
        file.write_text(file.read_text().replace(str(done.work_dir.parent), str(moved)))
    assert left(make_tasks(moved)) == []
    assert str(done.work_dir.parent) not in done.result_file(DISTILLED[0]).read_text()


@pytest.mark.parametrize('text', ['', '{"model": "teacher"}', '[]'])
def test_a_damaged_result_is_refused(done: Tasks, text: str) -> None:
    done.result_file(TEACHER).write_text(text)
    with pytest.raises(DistilPoseError, match=r'teacher_seed0\.json is no result of a training'):
        left(done)


def test_a_search_with_more_trials_keeps_those_that_are_there(done: Tasks, tmp_path: Path) -> None:
    file = tmp_path / 'plan.py'
    file.write_text(file.read_text() + f"models['alone']['search'].append({{{RATE!r}: 1e-3}})\n")
    assert left(make_tasks(tmp_path)) == [Task('alone', 0, 2), *ALONE]
