"""Tables of a plan: gains of the same seeds, gaps to a teacher, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distilpose.compare.formatting import ABSENT, gained
from distilpose.compare.plan_table import write_table
from distilpose.compare.plan_tasks import Task, Tasks
from distilpose.compare.results import write_json
from tests.compare.plans import make_tasks, write_plan, write_result, write_search


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    write_plan(tmp_path)
    found = make_tasks(tmp_path)
    write_search(found, 0.2, 0.3)
    return found


def read(tasks: Tasks) -> dict:
    return json.loads((tasks.file.results / 'table.json').read_text())


def test_gains_are_over_the_seeds_that_both_have(tasks: Tasks) -> None:
    for name, seed, ap in (('teacher', 0, 0.8), ('alone', 0, 0.2), ('distilled', 0, 0.5), ('distilled', 1, 0.7)):
        write_result(tasks, Task(name, seed), ap=ap)
    text = write_table(tasks, command='the command')
    student = next(model for model in read(tasks)['models'] if model['model'] == 'distilled')
    assert student['figures']['ap'] == dict(mean=pytest.approx(0.6), low=0.5, high=0.7)
    assert student['seeds_of_gain'] == [0] and student['gain']['ap']['value'] == pytest.approx(0.3)
    assert student['gain']['ap']['low'] == pytest.approx(0.3) == student['gain']['ap']['high']  # the same draws
    assert student['gap_closed']['pck']['value'] == pytest.approx(0.5)
    assert '| distilled | – | 2 | 60.0 (50.0 to 70.0) |' in text and '+30.0 (+30.0 to +30.0)' in text
    assert "Note: 'alone' has fewer seeds than the plan: 0 of 0, 1." in text and '`the command`' in text
    assert (tasks.file.results / 'table.md').read_text() == text


def test_rivals_are_further_models_that_a_gain_is_against(tmp_path: Path) -> None:
    write_plan(tmp_path, "models['rival'] = dict(models['alone'], title='its rival')\n"
                         "models['rival'].pop('search')\nmodels['late'] = models['rival']\n"
                         "models['distilled']['rivals'] = ['rival', 'late']\n")
    tasks = make_tasks(tmp_path)
    write_search(tasks, 0.2, 0.3)
    for name, seed, ap in (('teacher', 0, 0.8), ('alone', 0, 0.2), ('rival', 0, 0.4), ('rival', 1, 0.5),
                           ('distilled', 0, 0.5), ('distilled', 1, 0.7)):
        write_result(tasks, Task(name, seed), ap=ap)
    text = write_table(tasks)
    student = next(model for model in read(tasks)['models'] if model['model'] == 'distilled')
    assert student['baseline'] == 'alone' and student['gain']['ap']['value'] == pytest.approx(0.3)
    rival, late = student['rivals']
    assert (rival['baseline'], rival['seeds_of_gain']) == ('rival', [0, 1])
    assert rival['gain']['ap']['value'] == pytest.approx(0.15) and late['gain'] == {}
    rows = [line.split(' | ') for line in text.splitlines() if ' against ' in line]
    assert [row[:2] for row in rows] == [['| distilled against alone', '1'], ['| distilled against its rival', '2']]
    assert rows[1][2].startswith('+15.0') and rows[1][-1] == '– |' != rows[0][-1]  # no gap is closed to a rival


def test_a_row_without_a_seed_takes_the_place_of_a_teacher(tasks: Tasks) -> None:
    for name, ap in (('alone', 0.2), ('distilled', 0.3)):
        write_result(tasks, Task(name, 0), ap=ap)
    row = dict(model='teacher', seed=None, title='published', family='', parameters=None, macs=None,
               figures=dict(ap=0.6, mean_oks=0.6, pck=0.6),
               draws=dict(ap=[0.5, 0.7] * 20 + [0.6]))
    write_json(tasks.file.results / 'row.json', row)
    (tasks.file.results / 'other.json').write_text('{"rows": []}')
    text = write_table(tasks)
    student = next(model for model in read(tasks)['models'] if model['model'] == 'distilled')
    assert student['gap_closed'].keys() == {'ap'} and student['gap_closed']['ap']['value'] == pytest.approx(0.25)
    assert '| published | – | – | 60.0 | 60.0 | 60.0 | – | – | – | – |' in text
    assert 'other.json is no result of a training (it has no model, seed, figures, draws)' in text


def test_a_figure_that_is_none_gives_no_gain(tasks: Tasks) -> None:
    write_result(tasks, Task('alone', 0), ap=0.2)
    figures = dict(ap=None, ap50=None, ap75=None, mean_oks=0.3, pck=0.3)
    write_result(tasks, Task('distilled', 0), ap=0.3, figures=figures)
    write_table(tasks)
    student = next(model for model in read(tasks)['models'] if model['model'] == 'distilled')
    assert student['gain']['ap']['value'] is None and student['gain']['pck']['value'] == pytest.approx(0.1)
    assert student['figures']['ap']['mean'] is None


def test_results_of_another_config_are_left_out_with_a_note(tasks: Tasks) -> None:
    write_result(tasks, Task('teacher', 0), ap=0.8)
    text = write_table(make_tasks(tasks.work_dir.parent, **{'train_cfg.max_epochs': 9}))
    assert 'left out: ' in text and 'max_epochs is 2 there and 9 in the plan' in text and read(tasks)['models'] == []


@pytest.mark.parametrize('value, expected', [(-0.0003, '+0.0'), (-0.0006, '-0.1'), (0.078, '+7.8'), (None, ABSENT)])
def test_a_difference_that_rounds_to_nothing_is_not_negative(value: float | None, expected: str) -> None:
    assert gained(dict(value=value, low=None, high=None)) == expected
