"""docs/teachers.md: every example runs, with files small enough for a test in the place of those that it names."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub

from distilpose.distillation import PoseDistiller
from distilpose.distillation.distiller import build_terms
from distilpose.distillation.supervision import COMBINED
from distilpose.distillation.teachers import fetching
from distilpose.distillation.teachers.presets import PRESETS, sha256_of
from distilpose.errors import DistilPoseError
from distilpose_cli.console import main
from tests import vitpose
from tests.engine.tiny import PROJECT, write_data, write_distillation
from tests.file_server import serve
from tests.networks import INPUT_SIZE, STUDENT, TEACHER, changed, teacher
from tests.onnx_files import Shows, export, write_heatmaps

pytest.importorskip('onnxruntime')

PAGE = (PROJECT / 'docs' / 'teachers.md').read_text()
COCO = dict(from_file='configs/_base_/datasets/coco.py')


def blocks(language: str) -> list[str]:
    return re.findall(rf'^```{language}\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE)


TEACHERS = [block for block in blocks('python') if block.startswith('teacher = ')]
COMMANDS = [line for block in blocks('bash') for line in block.replace('\\\n', ' ').splitlines()]


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds every file that the page names."""
    folder = tmp_path_factory.mktemp('page')
    data = write_data(folder / 'data')
    write_distillation(folder, data)
    write_heatmaps(folder / 'my_teacher.onnx')
    write_heatmaps(folder / 'my_square_teacher.onnx', size=(64, 64))
    write_heatmaps(folder / 'movenet_thunder.onnx', size=(256, 256))
    export(Shows(lambda maps: (maps.flatten(2)[..., :1] * torch.arange(96.0),
                               maps.flatten(2)[..., 1:2] * torch.arange(128.0))),
           folder / 'my_simcc.onnx', outputs=['simcc_x', 'simcc_y'])
    export(Shows(lambda maps: maps.flatten(2)[..., :3].sigmoid()), folder / 'my_points.onnx', outputs=['points'])
    vitpose.write_folder(folder / 'my_vitpose_folder')
    shutil.copytree(data / 'images', folder / 'pictures')
    names = sorted(path.name for path in (folder / 'pictures').iterdir())
    (folder / 'boxes.json').write_text(json.dumps({name: [[2, 2, 50, 60]] for name in names}))
    return folder


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with these files to work in, and presets that are published by a server of the test."""
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
    monkeypatch.setattr(fetching, 'project_path', lambda path: tmp_path / path)
    thunder = folder / 'movenet_thunder.onnx'
    with serve({thunder.name: thunder.read_bytes()}) as served:
        monkeypatch.setitem(PRESETS, 'movenet-thunder', dataclasses.replace(
            PRESETS['movenet-thunder'], url=f'{served.url}{thunder.name}', sha256=sha256_of(thunder)))
        yield tmp_path


def test_the_page_has_examples() -> None:
    assert len(TEACHERS) >= 5 and len(COMMANDS) >= 8


@pytest.mark.parametrize('example', TEACHERS)
def test_a_teacher_of_the_page_teaches(example: str, here: Path) -> None:
    namespace: dict[str, Any] = {}
    exec(example.replace("'my_", f"'{here}/my_"), namespace)  # files of a config are looked for from the project
    distiller = PoseDistiller(dict(STUDENT, metainfo=COCO), namespace['teacher'],
                              terms=dict(coordinates=dict(type='CoordinateTerm')))
    shown = distiller.run_teacher(torch.zeros(1, 3, *INPUT_SIZE[::-1]))
    known = shown.coords if shown.coords is not None else (shown.heatmaps or shown.simcc or ())[-1]
    assert known.shape[1] == 17 and known.isfinite().all()


def test_several_teachers_of_the_page(here: Path) -> None:
    """Both examples: a whole-body student of two teachers, and two teachers in an order."""
    names = dict(from_file='configs/_base_/datasets/coco_wholebody.py')
    body, student = dict(TEACHER, metainfo=COCO), dict(changed(TEACHER, num_keypoints=133), metainfo=names)
    write_heatmaps(here / 'my_hands.onnx', keypoints=133)
    for name, config in dict(my_body=body, my_weaker=TEACHER, my_stronger=TEACHER).items():
        (here / f'{name}.py').write_text(f'model = {config!r}')
        torch.save(dict(state_dict=teacher(config).model.state_dict()), here / f'{name}.pth')
    (here / 'my_wholebody_student.py').write_text(f'model = {student!r}')
    several: dict[str, Any] = {}
    for example in (block for block in blocks('python') if 'teachers' in block):
        exec(example.replace("'my_", f"'{here}/my_"), several)
    model = several['model']
    assert model.pop('type') == 'PoseDistiller'
    distiller = PoseDistiller(**model)
    assert set(distiller.terms) == {'heatmaps', 'body_tokens'}
    shown = distiller.run_teachers(torch.zeros(1, 3, *INPUT_SIZE[::-1]))
    assert shown[COMBINED].heatmaps[-1].shape[1] == 133 and shown['body'].mask.sum() == 17
    MessageHub.get_instance(str(here))  # without the iterations of a Runner that ran in another test
    in_order = PoseDistiller(TEACHER, teachers=several['teachers'], terms=dict(heatmaps=dict(type='HeatmapTerm')))
    assert [paired.factor() for paired in in_order.teachers.values()] == [1, 0]


@pytest.mark.parametrize('example', [block for block in blocks('python') if block.startswith('terms = ')])
def test_terms_of_the_page(example: str) -> None:
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    assert build_terms(namespace['terms']).keys() == namespace['terms'].keys()


@pytest.mark.parametrize('example', [block for block in blocks('python') if 'check_training' in block])
def test_programs_of_the_page(example: str, here: Path) -> None:
    """A teacher of random weights is found out."""
    with pytest.raises(DistilPoseError, match='The teacher is no better than the mean pose of these people'):
        exec(example, {})


@pytest.mark.parametrize('line', COMMANDS)
def test_a_command_of_the_page_works(line: str, here: Path) -> None:
    program, *words = shlex.split(line, comments=True)
    assert program == 'distilpose'
    with contextlib.suppress(SystemExit):
        code = main(words)
        is_refused = words[0] == 'check' or '--strict-teacher' in words  # a teacher of random weights is
        assert code == (2 if is_refused else 0)
