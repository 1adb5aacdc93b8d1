"""docs/export.md: every command and snippet runs, with a network small enough for a test, and finds the same joints."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from distilpose.apis import load_model, predict
from distilpose_cli.console import main
from tests.engine.tiny import PROJECT, write_config, write_data
from tests.export.test_onnx import MODELS, write_checkpoint
from tests.networks import INPUT_SIZE

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

PAGE = (PROJECT / 'docs' / 'export.md').read_text()
COMMANDS = [line for block in re.findall(r'^```bash\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE)
            for line in block.splitlines() if line.startswith('distilpose')]
SNIPPETS = re.findall(r'^```python\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE)
WITHOUT_TORCH = next(snippet for snippet in SNIPPETS if 'import onnxruntime' in snippet)
WITH_RTMLIB = next(snippet for snippet in SNIPPETS if 'import rtmlib' in snippet)
PIXELS = 0.1
"""Of the crop; what the page says."""


def write_student(name: str, folder: Path) -> None:
    """``student.py`` and ``student.pth`` of a network with random weights, and ``person.jpg``."""
    model = dict(MODELS[name], test_cfg=dict(flip_test=False))
    extra = f'\nmodel = {model!r}\n' + 'val_pipeline[2].update(use_udp=True)\n' * name.endswith('udp')
    write_config(folder / 'student.py', write_data(folder / 'data'), epochs=1, extra=extra)
    write_checkpoint(model, folder)[1].rename(folder / 'student.pth')
    (folder / 'pictures').mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (10, 8, 3), dtype=np.uint8)
    for file in (folder / 'person.jpg', folder / 'pictures' / 'person.jpg'):
        cv2.imwrite(str(file), cv2.resize(noise, (60, 80), interpolation=cv2.INTER_CUBIC))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
    return tmp_path


def run(line: str) -> None:
    program, *words = shlex.split(line, comments=True)
    assert program == 'distilpose'
    try:
        code = main(words)
    except SystemExit as stop:
        code = stop.code
    assert not code


def expected_joints(box: list[int]) -> np.ndarray:
    return predict(load_model('student.py', 'student.pth'), 'person.jpg', [box]).keypoints[0]


def test_the_page_has_examples() -> None:
    assert len(COMMANDS) == 7 and len(SNIPPETS) == 2


@pytest.mark.slow
def test_commands_of_the_page(here: Path) -> None:
    write_student('distilpose', here)
    for line in COMMANDS:
        run(line)
    assert {file.name for file in here.glob('*.onnx')} == {
        'student.onnx', 'student_decoded.onnx', 'student_half.onnx', 'student_rtmlib.onnx'}
    assert (here / 'predictions' / 'results.json').is_file()


@pytest.mark.parametrize('name', ['distilpose', 'udp', 'tokenpose_udp', 'dark', 'rtmcc', 'simdr', 'rle'])
def test_the_snippet_without_torch(name: str, here: Path) -> None:
    imported = {name.name for node in ast.walk(ast.parse(WITHOUT_TORCH)) if isinstance(node, ast.Import)
                for name in node.names}
    assert imported == {'json', 'cv2', 'numpy', 'onnxruntime'}
    write_student(name, here)
    run(next(line for line in COMMANDS if '--with-decoding' in line))
    namespace: dict[str, Any] = {}
    exec(WITHOUT_TORCH, namespace)
    found = namespace['keypoints'] * namespace['scale']
    expected = expected_joints(namespace['box'].tolist()) * namespace['scale']
    np.testing.assert_allclose(found, expected, atol=PIXELS)


def test_the_snippet_for_rtmlib(here: Path) -> None:
    pytest.importorskip('rtmlib')
    write_student('distilpose', here)
    run(next(line for line in COMMANDS if '--for rtmlib' in line))
    namespace: dict[str, Any] = {}
    exec(WITH_RTMLIB.replace('(192, 256)', str(INPUT_SIZE)), namespace)
    scale = 64 / (1.25 * 62)
    np.testing.assert_allclose(namespace['keypoints'][0] * scale, expected_joints([5, 8, 52, 70]) * scale, atol=0.36)
