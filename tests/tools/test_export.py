"""``tools/export.py`` and ``distilpose export``: a file and how it compares, or a sentence and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from distilpose.export import comparison
from distilpose_cli import console
from tests.engine.tiny import write_config
from tests.export.test_onnx import MODELS, write_checkpoint

Tool = Callable[[str], ModuleType]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with ``net.py`` and ``net.pth``."""
    monkeypatch.chdir(tmp_path)
    model = MODELS['distilpose']
    write_checkpoint(model, tmp_path)
    write_config(tmp_path / 'net.py', tiny_data, extra=f'\nmodel = {model!r}\n')
    return tmp_path


def test_exports_and_says_how_it_compares(tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool('export').main(['net.py', 'net.pth', 'made/net.onnx', '--dynamic-batch', '--evaluate']) == 0
    said = capsys.readouterr().out
    assert 'Wrote made/net.onnx (' in said and 'outputs coordinates, scores.' in said
    assert 'onnxruntime and torch on 8 crops of the validation data: outputs differ by ' in said
    assert 'The file on the test data: coco/AP ' in said
    assert tool('test').main(['net.py', 'made/net.onnx']) == 0


def test_says_how_rtmlib_runs_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.main(['export', 'net.py', 'net.pth', 'net.onnx', '--for', 'rtmlib', '--half']) == 0
    assert "In a program: rtmlib.RTMPose('net.onnx', model_input_size=(48, 64))" in capsys.readouterr().out


def test_a_failed_check_deletes_the_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(comparison, '_OUTPUTS', {False: -1.0})
    assert console.main(['export', 'net.py', 'net.pth', 'net.onnx']) == 1
    assert 'distilpose export: net.onnx was not written, because its outputs differ' in capsys.readouterr().err
    assert not list(Path().rglob('*.onnx'))


@pytest.mark.parametrize('words, message', [
    (['no.py', 'net.pth', 'net.onnx'], 'no config no.py'),
    (['net.py', 'no.pth', 'net.onnx'], 'no.pth does not exist'),
    (['net.py', 'net.pth', 'net.pt'], 'does not end in .onnx'),
    (['net.py', 'net.pth', 'net.onnx', '--for', 'rtmlib', '--with-decoding'], 'exclude each other'),
])
def test_what_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert console.main(['export', *words]) == 2
    assert message in capsys.readouterr().err
