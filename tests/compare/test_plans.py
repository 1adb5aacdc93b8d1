"""Plans: what a training needs of another, in which order, and whose budgets may differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.compare import main
from distilpose.compare.budget import check_budgets
from distilpose.compare.plans import TEACHER, Plan, Request, _check_distilled, in_order, make_plans, stages
from distilpose.errors import DistilPoseError

STAGES = (('alone', 'S.py'), ('second', 'D.py', f'{TEACHER}=@first', 'load_from=@first'), ('teacher', 'T.py'),
          ('first', 'D.py', f'{TEACHER}=@teacher', 'model.student.checkpoint=@alone'))


@pytest.fixture(autouse=True)
def configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configs without data: D is a distiller, the others are not."""
    def read(config: str, *, options: Mapping[str, Any], data_root: str | None,
             fast: str | None) -> tuple[Config, list[str]]:
        model = dict(type='PoseDistiller', teacher={}, student={}) if config == 'D.py' else dict(type='Estimator')
        cfg = Config(dict(model=model, train_cfg=dict(max_epochs=2), optim_wrapper={}, train_dataloader=dict(
            batch_size=4, dataset={})))
        cfg.merge_from_dict(dict(options))
        return cfg, []

    monkeypatch.setattr('distilpose.compare.plans.load_and_change', read)
    monkeypatch.setattr('distilpose.compare.budget.count_samples', lambda dataset, counted: 12)


def plans_of(*models: tuple[str, ...]) -> list[Plan]:
    return make_plans(Request(work_dir=Path('work'), models=models))[0]


def test_trainings_are_in_the_order_of_their_needs() -> None:
    plans = plans_of(*STAGES)
    assert [plan.title for plan in plans] == ['alone', 'second', 'teacher', 'first']
    order = [plan.title for plan in in_order(plans)]
    assert sorted(order) == sorted(plan.title for plan in plans)
    assert order.index('first') > max(order.index('alone'), order.index('teacher'))
    assert order.index('second') > order.index('first')


@pytest.mark.parametrize(('options', 'message'), [
    ({'model.teacher.type': 'MovingAverageTeacher'}, 'D.py learns from a MovingAverageTeacher, and --teacher trains '
     'T.py; name trainings with --model instead'),
    ({'model.teacher.config': 'other.py'}, 'D.py learns from other.py, and --teacher is T.py; name the same config'),
], ids=['moving_average', 'another'])
def test_the_teacher_is_that_of_the_distilled_student(options: dict[str, Any], message: str) -> None:
    distilled = Plan('distilled', '', 'D.py', {}, Config(dict(model=dict(type='PoseDistiller'))))
    distilled.cfg.merge_from_dict(options)
    with pytest.raises(DistilPoseError, match=message):
        _check_distilled(Plan('teacher', '', 'T.py', {}, Config()), distilled)


def test_checkpoints_of_others_are_put_into_the_config() -> None:
    first = plans_of(*STAGES)[3]
    assert first.needs == {TEACHER: 'teacher', 'model.student.checkpoint': 'baseline'}
    cfg = first.config_for(dict(teacher=Path('t.pth'), baseline=Path('s.pth')))
    assert cfg.model.teacher.checkpoint == 't.pth' and cfg.model.student.checkpoint == 's.pth'
    assert first.cfg.model.teacher.checkpoint is None


@pytest.mark.parametrize(('models', 'expected'), [
    ((('a', 'S.py', 'load_from=@missing'), ), "'a' needs the checkpoint of 'missing'"),
    ((('a', 'S.py', 'load_from=@b'), ('b', 'S.py', 'load_from=@a')), 'need each other'),
    ((('a', 'S.py', 'load_from=@a'), ), 'need each other'),
    ((('a', 'S.py'), ('b', 'D.py', 'model.teacher.chekpoint=@a')), "chekpoint=@a of 'b' puts a checkpoint where none"),
    ((('a', 'S.py'), ('b', 'S.py', 'optim_wrapper.optimizer.lr=@a')), 'expected model.teacher.checkpoint'),
])
def test_needs_that_cannot_be_met_are_refused(models: tuple, expected: str) -> None:
    with pytest.raises(DistilPoseError, match=expected):
        plans_of(*models)


def test_budgets_of_stages_may_differ_and_are_noted() -> None:
    longer = 'train_cfg.max_epochs=3'
    plans = plans_of(('alone', 'S.py'), ('teacher', 'T.py', longer), ('first', 'D.py', f'{TEACHER}=@teacher'),
                     ('second', 'D.py', f'{TEACHER}=@first', longer, 'load_from=@first'))
    assert stages(plans) == {'teacher', 'first', 'second'}
    assert any('max_epochs is 2' in note and "3 for 'second'" in note for note in check_budgets(plans))
    with pytest.raises(DistilPoseError, match='not trained for the same budget'):
        check_budgets(plans_of(('alone', 'S.py'), ('other', 'S.py', longer)))


def test_files_and_folders_of_a_request(tmp_path: Path) -> None:
    request = Request(work_dir=tmp_path)
    assert request.file('.md') == tmp_path / 'compare.md' and request.folder(1, 'a') == tmp_path / 'seed_1' / 'a'
    preset = Request(work_dir=tmp_path, out=tmp_path / 'out', name='report', seed_folders=False)
    assert preset.file('.md') == tmp_path / 'out' / 'report.md' and preset.folder(1, 'a') == tmp_path / 'a'


def test_an_export_of_no_model_is_refused_before_anything_is_read() -> None:
    with pytest.raises(DistilPoseError, match="--export 'x' is none of the models; expected one of 'a'"):
        main.Queue.of(Request(work_dir=Path('work'), models=[('a', 'S.py')], exports=['x']))


def test_other_evaluators_have_a_table_of_their_own_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: Any = [SimpleNamespace(plan=SimpleNamespace(role=name, title=name), seed=0, folder=tmp_path / name)
                 for name in ('a', 'b')]
    found = dict(a={'whole/AP': 0.51234, 'x': 1.0}, b={'whole/AP': 0.4})
    monkeypatch.setattr(main, 'validation_metrics', lambda run, folder: found[run.plan.role])
    monkeypatch.setattr(main, 'render_runs', lambda folders, command: f'{len(folders)} runs')
    table = main.write_metrics(runs, Request(work_dir=tmp_path, models=[('a', ), ('b', )]))
    assert '| a | 0 | 0.5123 | 1 |' in table and '| b | 0 | 0.4 | – |' in table
    assert (tmp_path / 'models.html').read_text() == '2 runs' and (tmp_path / 'models.md').read_text() == table
