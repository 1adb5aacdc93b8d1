"""The check of a distillation with several teachers: its page has the input of each, and what they predict together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.check import check_training
from distilpose.config import build_estimator, read_config
from distilpose.errors import DistilPoseError
from tests.engine import tiny

_SEVERAL = """
_base_ = {student!r}
teacher = dict(config={teacher!r}, checkpoint={checkpoint!r})
model = dict(
    _delete_=True, type='PoseDistiller', student=dict(config={student!r}),
    teachers=dict(body=teacher, face=dict(teacher, weight=0.5)),
    terms=dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='learned')))
"""


def test_the_page_of_samples_has_every_teacher(tmp_path: Path) -> None:
    tiny.write_distillation(tmp_path, tiny.write_data(tmp_path / 'data'))
    files = {name: str(tmp_path / file) for name, file in dict(
        student='student.py', teacher='teacher.py', checkpoint='teacher.pth').items()}
    (tmp_path / 'several.py').write_text(_SEVERAL.format(**files))
    with pytest.raises(DistilPoseError, match='The teacher body: .* The teacher face: .*mean pose'):  # random
        check_training(tmp_path / 'several.py', work_dir=tmp_path / 'check', browse=2)
    assert all((tmp_path / 'check' / f'teacher_report_{name}.png').is_file() for name in ('body', 'face'))
    page = next((tmp_path / 'check').rglob('*.html')).read_text()
    assert 'input of body' in page and 'input of face' in page
    assert "teacher's input" not in page and '>teacher</' in page


_MOVING = """
_base_ = {student!r}
model = dict(
    _delete_=True, type='PoseDistiller', student=dict(config={student!r}, checkpoint={checkpoint!r}),
    teachers=dict(frozen=dict(config={student!r}, checkpoint={checkpoint!r}),
                  moving=dict(type='MovingAverageTeacher', start=0.5)),
    terms=dict(coordinates=dict(type='CoordinateTerm')))
"""


def test_a_moving_average_on_the_page_has_the_weights_that_the_student_starts_with(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    student = tiny.write_config(tmp_path / 'student.py', tiny.write_data(tmp_path / 'data'))
    torch.save(dict(state_dict=build_estimator(read_config(student).model.to_dict()).state_dict()),
               tmp_path / 'student.pth')
    (tmp_path / 'moving.py').write_text(_MOVING.format(student=str(student), checkpoint=str(tmp_path / 'student.pth')))
    digests = []

    def record(runner: Any, **_: Any) -> Path:
        digests.extend(paired.teacher.digest() for paired in runner.model.teachers.values())
        return tmp_path

    monkeypatch.setattr('distilpose.check.training.write_sample_page', record)
    with pytest.raises(DistilPoseError, match='no better than the mean pose'):  # its weights are random
        check_training(tmp_path / 'moving.py', work_dir=tmp_path / 'check', browse=2)
    assert len(digests) == 2 and digests[0] == digests[1]
