"""Trainings with several teachers: what is logged, checked, written, cached and compared for each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from distilpose.config import build_estimator, read_config
from distilpose.engine import train
from distilpose.engine.unwrapped_model import unwrapped_model
from distilpose.errors import DistilPoseError

from . import tiny
from .tiny import logged_losses

FACE = 'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear'
_SEVERAL = """
_base_ = {student!r}
model = dict(
    _delete_=True, type='PoseDistiller', student=dict(config={student!r}), combine='expert',
    teachers=dict(
        body=dict(config={teacher!r}, checkpoint={checkpoint!r}, crop='own', padding=1.0),
        face=dict(config={teacher!r}, checkpoint={other!r}, joints={face!r},
                  terms=dict(heatmaps=dict(type='SimulatedHeatmapTerm', sigma='learned', weight=0.5)))),
    terms=dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='learned')))
"""


@pytest.fixture(scope='module')
def config(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of two heatmap teachers with other weights; one has a crop of its own."""
    folder = tmp_path_factory.mktemp('several')
    tiny.write_distillation(folder, tiny_data)
    checkpoint = torch.load(folder / 'teacher.pth', weights_only=False)
    generator = torch.Generator().manual_seed(1)
    state = {name: value + 0.1 * torch.randn(value.shape, generator=generator) if value.is_floating_point() else value
             for name, value in checkpoint['state_dict'].items()}
    torch.save(dict(checkpoint, state_dict=state), folder / 'other.pth')
    file = folder / 'several.py'
    file.write_text(_SEVERAL.format(student=str(folder / 'student.py'), teacher=str(folder / 'teacher.py'),
                                    checkpoint=str(folder / 'teacher.pth'), other=str(folder / 'other.pth'), face=FACE))
    return file


def run(config: Path, work_dir: Path, *, validate: bool = False, **options: Any) -> Any:
    chosen = {name.replace('__', '.'): value for name, value in options.items()}
    return train(config, work_dir=work_dir, validate=validate, seed=3, options=chosen)


def log_of(work_dir: Path) -> str:
    return '\n'.join(file.read_text() for file in sorted(work_dir.glob('*/*.log')))


def test_a_run_logs_reports_and_keeps_facts_of_each_teacher(config: Path, tmp_path: Path) -> None:
    runner = run(config, tmp_path, validate=True, train_cfg__max_epochs=1)
    log, teachers = log_of(tmp_path), unwrapped_model(runner).teachers
    for name in ('body', 'face'):
        assert f'Teacher {name}: ' in log and f'The teacher {name} on 12 validation people' in log
        assert f'The teacher {name} has the weights {teachers[name].teacher.loaded_digest}' in log
        assert f'The weights of the teacher {name} are bit-identical to the loaded ones' in log
        assert json.loads((tmp_path / f'teacher_report_{name}.json').read_text())['name'] == name
        assert f'TEACHER {name}: The teacher is no better than the mean pose' in log
    assert 'model.teacher.' not in log
    assert 'The teacher body on 12 validation people (204 labelled joints) in a crop of its own' in log
    assert 'Teachers are combined keypoint by keypoint (expert): body teaches 12, face teaches 5.' in log
    assert 'The combination of all teachers on 12 validation people' in log
    assert (tmp_path / 'teacher_report_all_teachers.json').is_file() and not (tmp_path / 'teacher_report.json').exists()
    checkpoint = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert not [name for name in checkpoint['state_dict'] if 'teacher' in name]
    facts = checkpoint['meta']['resume_facts']['model']
    assert facts['SHA-256 of the weights of the teacher body'] != facts['SHA-256 of the weights of the teacher face']


def test_a_resumed_run_refuses_another_teacher_by_name(config: Path, tmp_path: Path) -> None:
    off = dict(default_hooks__teacher_report__enabled=False)
    run(config, tmp_path, train_cfg__max_epochs=1, **off)
    text = config.read_text()
    swapped = config.with_name('swapped.py')
    swapped.write_text(text.replace("other.pth', joints", "teacher.pth', joints"))
    with pytest.raises(DistilPoseError, match='another model: SHA-256 of the weights of the teacher face'):
        train(swapped, work_dir=tmp_path, validate=False, seed=3, resume=True, options={'train_cfg.max_epochs': 2})
    train(config, work_dir=tmp_path, validate=False, seed=3, resume=True,
          options={'train_cfg.max_epochs': 2, 'default_hooks.teacher_report.enabled': False})
    assert (tmp_path / 'epoch_2.pth').is_file()


@pytest.mark.parametrize(('options', 'words'), [
    (dict(model__teachers__face__weigth=0.5), r"^model\.teachers\.face has a key 'weigth'; did you mean 'weight'"),
    (dict(model__teachers__face__hed=0.5), r"^model\.teachers\.face has a key 'hed', which is no argument .*'head'"),
    (dict(model__teachers__face__crop='both'), r"^model\.teachers\.face\.crop is 'both'"),
    (dict(model__teachers__face__config='none.py'), r'^model\.teachers\.face: .*none\.py')])
def test_a_wrong_option_of_a_teacher_is_named_by_its_entry(config: Path, tmp_path: Path, options: dict[str, Any],
                                                           words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        run(config, tmp_path, **options)


def test_each_teacher_has_a_cache_of_its_own(config: Path, tmp_path: Path) -> None:
    """Whose outputs give the same training; one whose crop is changed is filled anew, without the other."""
    options = dict(default_hooks__teacher_cache__variants=1, default_hooks__teacher_cache__dtype='float32',
                   default_hooks__teacher_report__enabled=False)
    first = dict(options, default_hooks__teacher_cache__folder=str(tmp_path / 'cache'))
    run(config, tmp_path / 'first', **first)
    run(config, tmp_path / 'again', **first)
    assert logged_losses(tmp_path / 'again') == logged_losses(tmp_path / 'first')
    log = log_of(tmp_path / 'again')
    assert all(f'The teacher {name} was run on 0 of 24 crops of this process' in log for name in ('body', 'face'))
    assert sorted(path.name for path in (tmp_path / 'cache').iterdir()) == ['body', 'face']
    shutil.rmtree(tmp_path / 'cache' / 'body')
    run(config, tmp_path / 'padded', **first, model__teachers__body__padding=1.1)
    log = log_of(tmp_path / 'padded')
    assert 'The teacher body was run on 12 of 24' in log and 'The teacher face was run on 0 of 24' in log


def test_agreement_is_with_the_combination_or_with_a_named_teacher(config: Path, tmp_path: Path) -> None:
    cfg = Config.fromfile(config)
    cfg.val_evaluator = [dict(type='AgreementWithTeacher'),
                         dict(type='AgreementWithTeacher', name='face', prefix='face')]
    cfg.default_hooks.teacher_report = dict(type='TeacherReportHook', enabled=False)
    runner = train(cfg, work_dir=tmp_path, options={'train_cfg.max_epochs': 1})
    metrics = runner.val_loop.evaluator.metrics
    assert 'agreement with the combination of all teachers and the teacher face on 12 people' in log_of(tmp_path)
    assert 'not trained on (agreement/PCK, face/PCK)' in log_of(tmp_path)
    together, face = (metric.teacher[1] for metric in metrics)
    assert (together.keypoints[:5] == face.keypoints[:5]).all() and (together.keypoints != face.keypoints).any()
    cfg.val_evaluator = dict(type='AgreementWithTeacher', name='hands')
    with pytest.raises(DistilPoseError, match="there is no teacher 'hands'; set val_evaluator.name to .* body, face"):
        train(cfg, work_dir=tmp_path / 'other', options={'train_cfg.max_epochs': 1})


def test_a_teacher_that_changes_has_no_cache(config: Path, tmp_path: Path) -> None:
    cfg = Config.fromfile(config)
    cfg.model.teachers = dict(face=cfg.model.teachers.face, average=dict(type='MovingAverageTeacher'))
    cfg.model.teachers.face.pop('joints')
    cfg.model.combine, cfg.model.terms = None, None
    cfg.model.teachers.average.terms = dict(coordinates=dict(type='CoordinateTerm'))
    train(cfg, work_dir=tmp_path, validate=False, options={
        'train_cfg.max_epochs': 1, 'default_hooks.teacher_cache.folder': str(tmp_path / 'cache')})
    log = log_of(tmp_path)
    assert 'The teacher average (MovingAverageTeacher) changes during the training' in log
    assert 'The teacher face was run on 12 of 12 crops' in log and not (tmp_path / 'cache' / 'average').exists()


def with_an_average(config: Path) -> Config:
    """A teacher with a file and a moving average of the student, combined."""
    cfg, student = Config.fromfile(config), config.with_name('student.py')
    checkpoint = config.with_name('student.pth')
    torch.save(dict(state_dict=build_estimator(read_config(student).model.to_dict()).state_dict()), checkpoint)
    cfg.model = dict(type='PoseDistiller', student=dict(config=str(student)), terms=dict(c=dict(type='CoordinateTerm')),
                     teachers=dict(other=dict(config=str(student), checkpoint=str(checkpoint)),
                                   average=dict(type='MovingAverageTeacher')))
    return cfg


@pytest.mark.parametrize(('name', 'message'), [
    (None, "teacher average \\(MovingAverageTeacher\\) is made of the student .* set val_evaluator.name to 'other'"),
    ('average', "the teacher average .* changes with it: .* set val_evaluator.name to 'other'"),
])
def test_agreement_is_not_with_a_teacher_that_changes(config: Path, tmp_path: Path, name: str | None,
                                                      message: str) -> None:
    """Nor with a combination that has one; as a single teacher there are only labels left."""
    cfg = with_an_average(config)
    cfg.val_evaluator = dict(type='AgreementWithTeacher', name=name)
    with pytest.raises(DistilPoseError, match=message):
        train(cfg, work_dir=tmp_path, options={'train_cfg.max_epochs': 1})
    if name is None:
        cfg.model.teacher = cfg.model.pop('teachers')['average']
        with pytest.raises(DistilPoseError, match='the teacher .* changes with it: .*; evaluate with labels'):
            train(cfg, work_dir=tmp_path, options={'train_cfg.max_epochs': 1})


def test_a_combination_with_a_teacher_that_changes_is_not_evaluated(config: Path, tmp_path: Path) -> None:
    train(with_an_average(config), work_dir=tmp_path, options={'train_cfg.max_epochs': 1})
    log = log_of(tmp_path)
    assert 'The teacher average was not evaluated: it is made of the student' in log
    assert 'The combination of all teachers was not evaluated: average in it is made of the student' in log
    assert 'The teacher other on 12 validation people' in log


def test_a_missing_file_is_named_by_its_entry(config: Path, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'there is no checkpoint .*nowhere.pth, which '
                                              r'model.teachers.face.checkpoint names'):
        run(config, tmp_path, model__teachers__face__checkpoint=str(tmp_path / 'nowhere.pth'))
