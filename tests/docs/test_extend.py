"""docs/extend: the examples of a term, a student, a teacher and a data set work, and their commands run."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmpose.registry import DATASETS, MODELS

from distilpose.config import build_estimator
from distilpose.distillation import PoseDistiller
from distilpose.errors import DistilPoseError
from distilpose_cli.console import main
from tests.engine.tiny import PROJECT, write_data, write_distillation
from tests.networks import STUDENT, batch, teacher

PAGES = {page: (PROJECT / f'docs/extend/{page}.md').read_text() for page in ('term', 'student', 'teacher', 'data_set')}
MODULES = ('bone_term', 'channel_term', 'my_network', 'average_teacher', 'csv_dataset')
NAMES = ('nose', 'tail')


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf'^```{language}\n(.*?)^```$', PAGES[page], re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[list[str]]:
    """Words behind the program of every command of a page that works with its own files."""
    lines = [line for block in blocks(page, 'bash') for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith('PYTHONPATH=. distilpose ')]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, with the files of all pages; their classes are registered only in the test."""
    for page in PAGES:
        for block in blocks(page, 'python'):
            (tmp_path / re.match(r'# (\w+\.py)\n', block)[1]).write_text(block)  # type: ignore[index]
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
    before = [dict(registry._module_dict) for registry in (MODELS, DATASETS)]
    yield tmp_path
    for registry, modules in zip((MODELS, DATASETS), before, strict=True):
        registry._module_dict.clear()
        registry._module_dict.update(modules)
    for name in (*MODULES, 'test_bone_term'):
        sys.modules.pop(name, None)


def write_inputs(folder: Path) -> None:
    """The student, teacher and distillation of the pages, and the images as a CSV file."""
    write_distillation(folder, write_data(folder / 'data'))
    text = (folder / 'student.py').read_text()
    (folder / 'student.py').write_text(text.replace('max_epochs=2', 'max_epochs=1'))
    (folder / 'images').symlink_to(folder / 'data/images')
    people = json.loads((folder / 'data/annotations/people.json').read_text())['annotations']
    lines = ['file,x,y,width,height,' + ','.join(f'{name}_{axis}' for name in NAMES for axis in 'xy')]
    for index, person in enumerate(people, start=1):
        points = [*person['keypoints'][:2], *person['keypoints'][3:5]]
        lines.append(','.join(map(str, (f'{index:03}.png', *person['bbox'], *points))))
    (folder / 'people.csv').write_text('\n'.join(lines) + '\n')


def test_the_term(here: Path) -> None:
    import test_bone_term

    test_bone_term.test_equal_bones_cost_nothing()
    term = dict(type='BoneTerm', bones=[(5, 7), (7, 9)], weight=0.5)
    distiller = PoseDistiller(STUDENT, teacher(), terms=dict(bones=term))
    loss = distiller.loss(*batch())['loss_bones']
    loss.backward()
    assert loss > 0 and any(parameter.grad is not None and parameter.grad.any() for parameter in distiller.parameters())


def test_the_term_that_reads_a_layer(here: Path) -> None:
    import channel_term

    maps = torch.randn(2, 8, 16, 12)
    assert channel_term.channel_loss(maps, maps.flip(-1)) < 1e-10
    term = dict(type='ChannelTerm', student_layer='backbone.layer1', teacher_layer='backbone.bn1')
    distiller = PoseDistiller(STUDENT, teacher(), terms=dict(channels=term))
    loss = distiller.loss(*batch())['loss_channels']
    loss.backward()
    assert loss > 0 and distiller.terms['channels'].projector.weight.shape == (4, 8, 1, 1)
    assert distiller.backbone.conv1.weight.grad.any()


def test_the_student(here: Path) -> None:
    import my_network  # noqa: F401

    head = dict(type='HiddenLayerHead', in_channels=16, num_joints=17,
                loss=dict(type='SmoothL1Loss', use_target_weight=True),
                decoder=dict(type='RegressionLabel', input_size=(48, 64)))
    model = dict(STUDENT, backbone=dict(type='FourConvolutions', width=16), neck=dict(type='GlobalAveragePooling'),
                 head=head)
    images, samples = batch()
    assert build_estimator(model)(images, None, mode='tensor').shape == (4, 17, 2)
    losses = PoseDistiller(model, teacher(), terms=dict(coordinates=dict(type='CoordinateTerm'))).loss(images, samples)
    assert losses['loss_coordinates'] > 0 and losses['loss_kpt'] > 0


def test_the_teacher(here: Path) -> None:
    from average_teacher import AverageTeacher

    write_inputs(here)
    member = dict(config=str(here / 'teacher.py'), checkpoint=str(here / 'teacher.pth'))
    average = AverageTeacher([member, member])
    images = torch.randn(2, 3, 64, 48)
    maps = average.outputs(images).heatmaps
    torch.testing.assert_close(maps, average.members[0].outputs(images).heatmaps)
    assert average.digest() == average.loaded_digest
    assert AverageTeacher.read_input(dict(members=[member])).size == (48, 64)
    with pytest.raises(DistilPoseError, match=re.escape('members[1] takes other images')):
        AverageTeacher([member, dict(member, data_preprocessor=dict(mean=[0.0]))])


def test_the_data_set(here: Path) -> None:
    from csv_dataset import CsvDataset

    write_inputs(here)
    info: Any = dict(keypoint_info={i: dict(name=name, id=i, color=[0, 0, 0], type='', swap='')
                                    for i, name in enumerate(NAMES)},
                     dataset_name='csv', skeleton_info={}, joint_weights=[1.0, 1.0], sigmas=[0.05, 0.05])
    data = CsvDataset(ann_file='people.csv', data_prefix=dict(img='images/'), metainfo=info, data_mode='topdown')
    assert len(data) == 12 and data[0]['keypoints'].shape == (1, 2, 2) and Path(data[3]['img_path']).is_file()
    Path('people.csv').write_text(Path('people.csv').read_text().replace(',2,2,56', ',2,2,wide', 1))
    with pytest.raises(DistilPoseError, match='person 1 has no number for'):
        data.load_data_list()


@pytest.mark.slow
@pytest.mark.parametrize('page', PAGES)
def test_the_commands(page: str, here: Path) -> None:
    write_inputs(here)
    assert commands(page)
    for words in commands(page):
        try:
            code = main(words)
        except SystemExit as stop:  # of --method list
            code = stop.code
        is_weak_teacher = words[0] == 'check' and page == 'teacher'  # its weights are random
        assert code == (2 if is_weak_teacher else 0), words
