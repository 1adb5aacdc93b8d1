"""Rows of teachers: the figures of an ONNX file in result files, in its own crops and in the student's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilpose.compare.measure import FIGURES
from distilpose.compare.plan_file import read_plan_file
from distilpose.compare.plan_table import write_table
from distilpose.compare.plan_tasks import Tasks
from distilpose.compare.teacher_rows import read_teachers, teacher_rows
from distilpose.engine import evaluate
from distilpose.errors import DistilPoseError
from tests.engine.tiny import write_config, write_data
from tests.onnx_files import Shows, export

DESCRIBED = {'model.input.mean': (127.5, 127.5, 127.5), 'model.input.std': 127.5, 'model.input.channel_order': 'bgr',
             'model.outputs.grid': 'i/n', 'model.input.padding': 1.0}


def write_plan(folder: Path) -> dict[str, dict[str, Any]]:
    """The ``teachers`` of a plan: one file in both crops."""
    config = write_config(folder / 'student.py', write_data(folder / 'data'))
    file = export(Shows(lambda maps: maps), folder / 'net.onnx', outputs=['maps'], size=(96, 128))
    row: dict[str, Any] = dict(file=str(file), config=str(config), options=DESCRIBED)
    return dict(own=dict(row, title='The file'), enlarged=dict(row, crop='student'))


def test_rows_are_those_of_a_test_of_the_file(tmp_path: Path) -> None:
    lines: list[str] = []
    teachers = read_teachers(write_plan(tmp_path), source='plan.py')
    found = teacher_rows(teachers, plan='some', results=tmp_path / 'results', log=lines.append,
                         options={'train_cfg.max_epochs': 3})
    assert list(found) == ['own', 'enlarged'] and len(lines) == 2
    assert found['own']['figures'] != found['enlarged']['figures']
    for key, row in found.items():
        file = tmp_path / 'results' / f'{key}.json'
        assert json.loads(file.read_text()) == row
        metrics = evaluate(tmp_path / 'student.py', tmp_path / 'net.onnx', work_dir=tmp_path / 'test',
                           options={**DESCRIBED, 'model.crop': 'own' if key == 'own' else 'student'})
        assert row['figures']['ap'] == pytest.approx(metrics['coco/AP'], abs=1e-6)
        assert row['seed'] is None and row['macs'] is None and row['parameters'] == 13073
        assert tuple(row['figures']) == FIGURES and {len(values) for values in row['draws'].values()} == {1000}
        assert row['file'] == 'net.onnx' and len(row['keypoints']['pck']) == 17


def test_a_row_that_is_there_is_read_also_without_the_file(tmp_path: Path) -> None:
    plan, lines = write_plan(tmp_path), list[str]()
    options: dict[str, Any] = dict(plan='some', results=tmp_path / 'results', log=lines.append)
    first = teacher_rows(read_teachers(plan, source='plan.py'), **options)
    (tmp_path / 'net.onnx').rename(tmp_path / 'elsewhere.onnx')
    assert teacher_rows(read_teachers(plan, source='plan.py'), **options) == first and len(lines) == 2
    plan['own']['options'] = {**DESCRIBED, 'model.input.padding': 1.25}
    with pytest.raises(DistilPoseError, match=r'teachers\.own: there is no ONNX file .*net\.onnx, and its result file'):
        teacher_rows(read_teachers(plan, source='plan.py'), **options)
    (tmp_path / 'elsewhere.onnx').rename(tmp_path / 'net.onnx')
    again = teacher_rows(read_teachers(plan, source='plan.py'), **options)
    assert again['enlarged'] == first['enlarged'] and again['own'] != first['own'] and len(lines) == 3


def test_a_row_of_other_people_is_measured_again(tmp_path: Path) -> None:
    plan, lines = dict(own=write_plan(tmp_path)['own']), list[str]()
    options: dict[str, Any] = dict(plan='some', results=tmp_path / 'results', log=lines.append)
    teachers = read_teachers(plan, source='plan.py')
    first = teacher_rows(teachers, **options)
    others = {'val_dataloader.dataset.indices': 2, 'train_cfg.max_epochs': 3}
    again = teacher_rows(teachers, **options, options=others)
    assert len(lines) == 2 and again['own']['validation'] != first['own']['validation']
    third = teacher_rows(teachers, **options, options=others)
    assert third['own']['validation'] == again['own']['validation'] and len(lines) == 2


@pytest.mark.parametrize('spec, message', [
    (dict(file='net.onnx', config='student.py', title=5), r'teachers\.a\.title is 5; expected a text'),
    ('net.onnx', r"plan\.py: teachers\.a is 'net\.onnx'; expected dict\(file="),
    (dict(file='net.onnx', confg='student.py'), r"has an entry 'confg' that nothing reads; expected some of file,"),
    (dict(file='net.onnx'), r"has no config; expected the path of a student's config"),
    (dict(config='student.py'), r'has no file; expected the path of an ONNX file'),
    (dict(file='net.pth', config='student.py'), r'plan\.py: teachers\.a\.file is net\.pth; expected an ONNX file'),
    (dict(file='net.onnx', config='student.py', crop='mine'), r"crop is 'mine'; expected 'own' or 'student'"),
    (dict(file='net.onnx', config='student.py', options=[1]), r'options is \[1\]; expected a dictionary'),
])
def test_what_is_wrong_with_an_entry_is_named(spec: Any, message: str) -> None:
    with pytest.raises(DistilPoseError, match=message):
        read_teachers(dict(a=spec), source='plan.py')


@pytest.mark.slow
def test_the_published_figures_of_a_real_teacher(shared: Path, tmp_path: Path) -> None:
    file, data = shared / 'teachers' / 'movenet_thunder.onnx', shared / 'data' / 'lspet'
    if not (file.is_file() and data.is_dir()):
        pytest.skip(f'{file} or {data} is not on this machine')
    config = 'configs/body/2d_kpt_sview_rgb_img/distilpose/lspet/resnet18_lspet_96x64.py'
    row = dict(file=str(file), config=config, options={'model.test_cfg.flip_test': False})
    found = teacher_rows(read_teachers(dict(thunder=row), source='plan.py'), plan='some', results=tmp_path,
                         data_root=str(data))
    assert found['thunder']['figures']['ap'] == pytest.approx(0.580, abs=3e-3)
    assert found['thunder']['figures']['pck'] == pytest.approx(0.784, abs=3e-3)


def write_plan_file(folder: Path, teachers: str) -> Path:
    write_config(folder / 'student.py', write_data(folder / 'data'))
    (folder / 'plan.py').write_text(f"""
name = 'some'
results = {str(folder / 'results')!r}
models = dict(alone=dict(config={str(folder / 'student.py')!r}))
teachers = dict({teachers})
""")
    return folder / 'plan.py'


def test_rows_of_a_plan_are_in_its_table_and_costs_are_not(tmp_path: Path) -> None:
    row = dict(file=str(tmp_path / 'net.onnx'), config=str(tmp_path / 'student.py'), options=DESCRIBED, title='A file')
    file = read_plan_file(write_plan_file(tmp_path, f'net={row!r}'))
    export(Shows(lambda maps: maps), tmp_path / 'net.onnx', outputs=['maps'], size=(96, 128))
    teacher_rows(file.teachers, plan=file.name, results=file.results, log=lambda line: None)
    (file.results / 'cost.json').write_text('{"rows": []}')
    assert '| A file |' in write_table(Tasks(file, tmp_path / 'work'))


def test_a_teacher_has_a_name_of_its_own(tmp_path: Path) -> None:
    for name in ('alone', 'Net'):
        with pytest.raises(DistilPoseError, match=rf'plan\.py: teachers\.{name} is the name of a result file'):
            read_plan_file(write_plan_file(tmp_path / name, f"{name}=dict(file='net.onnx', config='student.py')"))
