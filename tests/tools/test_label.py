"""``tools/label.py``: exit codes, what is printed, and what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from distilpose.distillation.teachers import resolving
from distilpose.inference import labels
from distilpose_cli.labelling import CHECKPOINTS, EVERY, THRESHOLD
from tests.onnx_files import write_heatmaps

DESCRIBED = ['--cfg-options', 'model.input.mean=127.5', 'model.input.std=127.5', 'model.input.channel_order=rgb',
             'model.outputs.grid=i/n', 'model.keypoints=coco']


@pytest.fixture(scope='module')
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_heatmaps(tmp_path_factory.mktemp('teacher') / 'net.onnx'))


def test_choices_are_those_of_the_package() -> None:
    assert (labels.THRESHOLD, labels.EVERY) == (THRESHOLD, EVERY)
    assert {*resolving.CHECKPOINTS, '.onnx'} == {*CHECKPOINTS}


def test_labels_are_written(tool: Callable[[str], ModuleType], teacher: str, tiny_data: Path, tmp_path: Path,
                            capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'coco.json'
    words = [teacher, '--whole-image', '--keep-certainty', '--out', str(out), str(tiny_data / 'images'), *DESCRIBED]
    assert tool('label').main(words) == 0
    printed, shown = capsys.readouterr()
    assert f'12 people on 12 images.\nWritten: {out}' in printed and 'Labelling: 12 of 12' in shown
    people = json.loads(out.read_text())['annotations']
    assert len(people) == 12 and all(person['num_keypoints'] == 17 for person in people)
    before = out.read_bytes()
    assert tool('label').main(words) == 2 and 'exists, and labels are not overwritten' in capsys.readouterr().err
    assert out.read_bytes() == before


@pytest.mark.parametrize(('words', 'sentence'), [
    (['model.py', 'a.png', '--whole-image'], 'expected model.py CHECKPOINT INPUT'),
    (['net.onnx', 'weights.pth', '--whole-image'], 'needs images'),
    (['net.onnx', 'a.png'], 'one of the arguments'),
    (['absent.onnx', 'a.png', '--whole-image'], 'there is no teacher absent.onnx'),
    (['net.onnx', 'a.png', '--whole-image', '--threshold', '2'], 'expected a score from 0 to 1'),
    (['net.onnx', 'a.png', '--whole-image', '--threshold', '.2', '--keep-certainty'], 'not allowed with'),
    (['net.onnx', 'a.png', '--whole-image', '--every', '0'], 'at least 1')])
def test_wrong_input_is_a_sentence(tool: Callable[[str], ModuleType], words: list[str], sentence: str, tmp_path: Path,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = tool('label').main([*words, '--out', str(tmp_path / 'coco.json')])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2 and sentence in capsys.readouterr().err and not list(tmp_path.iterdir())
