"""The report on a machine: a broken part is a line and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from distilpose_cli import checks, doctor, machine

ROOT = Path(__file__).resolve().parents[2]


def broken() -> str:
    raise OSError('libGL.so.1: cannot open\nshared object file')


def absent() -> str:
    raise checks.Unusable('not installed: pip install it')


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few checks that take no time."""
    monkeypatch.setattr(doctor, 'REQUIRED', dict(works=lambda: 'ok'))
    monkeypatch.setattr(doctor, 'OPTIONAL', dict(absent=absent))


@pytest.mark.usefixtures('short')
def test_all_that_is_required_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.DOCTOR.main(['--json']) == 0
    parts = json.loads(capsys.readouterr().out)['parts']
    assert parts == [dict(name='works', required=True, works=True, note='ok'),
                     dict(name='absent', required=False, works=False, note='not installed: pip install it')]


@pytest.mark.usefixtures('short')
def test_a_broken_part_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(doctor.REQUIRED, 'OpenCV', broken)
    monkeypatch.setenv('DISTILPOSE_PYTHON', '/some/python')
    assert doctor.DOCTOR.main([]) == 1
    text = capsys.readouterr().out
    assert '  OpenCV  BROKEN  OSError: libGL.so.1: cannot open shared object file\n' in text
    assert '  absent  no      not installed: pip install it\n' in text
    assert text.endswith('Required and broken: OpenCV.\n')
    assert 'DISTILPOSE_PYTHON' in text and '/some/python' in text


def test_features_of_x86_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    patch_processor(monkeypatch, 'x86_64', 'avx2', 'amx_bf16')
    assert machine.processor()['features'] == (
        'avx2 yes, avx512f no, avx512_bf16 no, avx512_vnni no, amx_tile no, amx_bf16 yes')


def test_features_of_arm_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    patch_processor(monkeypatch, 'arm64', 'bf16')
    found = machine.processor()
    assert found['features'] == 'bf16 yes, i8mm no, sve no' and found['processor'] == 'Apple M2'
    patch_processor(monkeypatch, 'arm64')
    assert machine.processor()['features'] == 'unknown'


def patch_processor(monkeypatch: pytest.MonkeyPatch, kind: str, *features: str) -> None:
    module = SimpleNamespace(cpu_features=lambda: frozenset(features), processor_name=lambda: 'Apple M2',
                             usable_cores=lambda: 2)
    monkeypatch.setattr(machine.platform, 'machine', lambda: kind)
    monkeypatch.setattr(machine, 'processor_module', lambda: module)


@pytest.mark.parametrize('name', ['torch', 'OpenCV', 'bfloat16'])
def test_checks_pass_here(name: str) -> None:
    assert {**checks.REQUIRED, **checks.OPTIONAL}[name]()


def test_another_version_of_hotcoco_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, '_installed', lambda package: '9.9')
    part = doctor.run('hotcoco', checks.OPTIONAL['hotcoco'], required=False)
    assert not part.works and part.note.startswith('9.9 is installed, and only')


def test_a_compiler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CXX', 'no-such-compiler')
    part = doctor.run('C++ compiler', checks.OPTIONAL['C++ compiler'], required=False)
    assert not part.works and 'no C++ compiler (no-such-compiler)' in part.note


def report(folder: Path, *hidden: str) -> tuple[int, dict[str, Any]]:
    """The doctor in a process of its own, which cannot import what is hidden."""
    for name in hidden:
        (folder / f'{name}.py').write_text('raise ImportError("hidden")\n')
    done = subprocess.run([sys.executable, '-m', 'distilpose_cli', 'doctor', '--json'], cwd=folder, text=True,
                          env={**os.environ, 'PYTHONPATH': f'{folder}{os.pathsep}{ROOT}'}, capture_output=True,
                          timeout=600, check=False)
    assert 'Traceback' not in done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_here_everything_required_works(tmp_path: Path) -> None:
    code, found = report(tmp_path)
    assert code == 0, found['parts']
    assert all(part['works'] for part in found['parts'] if part['required'])
    assert {'distilpose', 'Python', 'torch', 'numpy', 'mmpose', 'mmengine', 'pycocotools'} <= set(found['versions'])
    assert {row['state'] for row in found['replaced']} <= {'applied', 'not needed', 'off'} and found['replaced']
    assert 'CPU' in found['devices']


@pytest.mark.slow
@pytest.mark.parametrize(('hidden', 'lost'), [
    ('torch', {'torch', 'torchvision', 'distilpose', 'COCO evaluation'}),
    ('mmpose', {'distilpose'}), ('simplejpeg', set())])
def test_what_does_not_import_is_told(hidden: str, lost: set[str], tmp_path: Path) -> None:
    code, found = report(tmp_path, hidden)
    assert code == bool(lost)
    assert lost <= {part['name'] for part in found['parts'] if part['required'] and not part['works']}
    assert any('hidden' in part['note'] for part in found['parts'])
    assert found['versions']['numpy'] and found['machine']['processor']
