"""Choices of ``train`` and ``test`` that the parser knows without the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose import engine
from distilpose.distillation import leaf_config, methods
from distilpose.models import optimised
from distilpose_cli.training import COMPILE_MODES, DTYPES, METHODS, TRAIN, VALIDATIONS


def test_choices_are_those_of_the_package() -> None:
    assert optimised.COMPILE_MODES == COMPILE_MODES
    assert ('float32', *optimised.DTYPES) == DTYPES


def test_methods_are_those_of_the_package() -> None:
    assert methods.METHODS == METHODS and leaf_config.VALIDATIONS == VALIDATIONS


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        code = TRAIN.main(words, program='distilpose train')
    except SystemExit as end:
        code = int(end.code or 0)
    return code, *capsys.readouterr()


def test_list_prints_what_an_option_may_be_and_trains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = run(capsys, '--teacher', 'list')
    assert code == 0 and 'rtmpose-l ' in printed and 'https://download.openmmlab.com' in printed
    code, printed, _ = run(capsys, '--method', 'list')
    assert code == 0 and 'simcc <- heatmaps: marginals' in printed


@pytest.mark.parametrize(('words', 'sentence'), [
    (['--method', 'fpd', '--images', 'a'], '--images and --method of a distillation, and no teacher is named'),
    (['--teacher', 'a.onnx', '--method', 'fdp'], '--method fdp is none; expected one of auto, fpd, simcc')])
def test_wrong_options_of_a_distillation_are_refused_before_anything_is_imported(
        capsys: pytest.CaptureFixture[str], words: list[str], sentence: str) -> None:
    code, _, said = run(capsys, 'configs/quickstart/teacher.py', *words)
    assert code == 2 and sentence in said


def test_a_teacher_that_does_not_exist_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, said = run(capsys, 'configs/quickstart/baseline.py', '--teacher', 'rtmpse-l', '--work-dir', str(tmp_path))
    assert code == 2 and 'there is no teacher rtmpse-l' in said and 'did you mean the preset rtmpose-l' in said


def test_options_reach_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(engine, 'train', lambda config, **options: asked.update(options))
    TRAIN.main(['configs/quickstart/baseline.py', '--teacher', 'a.py', '--teacher-checkpoint', 'a.pth', '--method',
                'fpd', '--images', 'folder', '--boxes', 'b.json'], program='distilpose train')
    assert {key: asked[key] for key in ('teacher', 'teacher_checkpoint', 'method', 'images', 'boxes')} == dict(
        teacher='a.py', teacher_checkpoint='a.pth', method='fpd', images='folder', boxes='b.json')
