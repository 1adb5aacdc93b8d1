"""``tools/predict.py``: exit codes, what is printed, and what is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from distilpose.apis import load_model
from distilpose.inference import detector, drawing, results
from distilpose_cli.predicting import DRAW_SCORE, FORMATS, KINDS
from tests.engine import tiny
from tests.inference.test_detector import suppressed
from tests.onnx_files import write_heatmaps


@pytest.fixture(scope='module')
def student(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Config and checkpoint."""
    folder = tmp_path_factory.mktemp('student')
    config = tiny.write_config(folder / 'student.py', tiny_data)
    torch.save(dict(state_dict=load_model(config).state_dict()), folder / 'student.pth')
    return str(config), str(folder / 'student.pth')


def test_choices_are_those_of_the_package() -> None:
    assert (results.FORMATS, detector.KINDS, drawing.DRAW_SCORE) == (FORMATS, KINDS, DRAW_SCORE)


def test_options_may_stand_before_the_images(tool: Callable[[str], ModuleType], student: tuple[str, str],
                                             tiny_data: Path, tmp_path: Path,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    words = [*student, '--whole-image', '--out', str(tmp_path / 'out'), '--draw', str(tiny_data / 'images/001.png'),
             str(tiny_data / 'images/002.png')]
    assert tool('predict').main(words) == 0
    printed, shown = capsys.readouterr()
    assert '2 people on 2 images.' in printed and 'results.json' in printed and 'Predicting: 2 of 2' in shown
    assert len(list((tmp_path / 'out/pictures').iterdir())) == 2


def test_an_onnx_file_needs_no_config(tool: Callable[[str], ModuleType], tiny_data: Path, tmp_path: Path) -> None:
    file = write_heatmaps(tmp_path / 'net.onnx')
    words = [str(file), str(tiny_data / 'images/001.png'), '--whole-image', '--out', str(tmp_path / 'out'),
             '--cfg-options', 'model.input.mean=127.5', 'model.input.std=127.5', 'model.input.channel_order=rgb',
             'model.outputs.grid=i/n']
    assert tool('predict').main(words) == 0
    assert (tmp_path / 'out/results.json').is_file()


def test_a_detector_finds_the_people(tool: Callable[[str], ModuleType], student: tuple[str, str], tiny_data: Path,
                                     tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = suppressed(tmp_path, 'end2end.onnx')
    words = [*student, str(tiny_data / 'images'), '--out', str(tmp_path / 'out'), '--detector', str(file)]
    assert tool('predict').main(words) == 2 and '--detector-kind' in capsys.readouterr().err
    assert tool('predict').main([*words, '--detector-kind', 'yolox']) == 0
    assert '24 people on 12 images.' in capsys.readouterr().out


@pytest.mark.parametrize(('words', 'sentence'), [
    (['a.png', '--whole-image', '--detector-kind', 'yolox'], 'add --detector'),
    (['--whole-image'], 'needs a checkpoint and images'), (['a.png'], 'one of the arguments'),
    (['absent.png', '--whole-image'], 'no images or videos absent.png'),
    (['a.png', '--boxes', 'absent.json'], 'does not exist'),
    (['a.png', '--whole-image', '--batch-size', '0'], 'at least 1')])
def test_wrong_input_is_a_sentence(tool: Callable[[str], ModuleType], student: tuple[str, str], words: list[str],
                                   sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = tool('predict').main([*student, *words])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2 and sentence in capsys.readouterr().err
