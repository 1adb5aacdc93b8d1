"""The check of a distillation with several teachers: its page has the input of each, and what they predict together."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.check import check_training
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
