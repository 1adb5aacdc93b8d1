"""Unexpected exceptions: one line on the terminal, the traceback in a file, and the exit code."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from distilpose.errors import DistilPoseError, note, while_doing
from distilpose_cli.command import run_tool
from distilpose_cli.console import COMMANDS
from distilpose_cli.tracebacks import SHOW


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    folder = tmp_path / 'temporary'
    folder.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(folder))
    monkeypatch.delenv(SHOW, raising=False)
    return folder


def raising(error: BaseException) -> Callable[[], int]:
    def fail() -> int:
        raise error

    return fail


def end(action: Callable[[], int | None]) -> int:
    return run_tool(action, program='distilpose it', interrupted='', command_line='distilpose it --all')


@pytest.mark.parametrize(('error', 'words', 'code'), [
    (ValueError('a mistake\nin the code'), 'ValueError: a mistake in the code. This is not a known cause. ', 1),
    (KeyError('size'), "KeyError: 'size'. This is not a known cause. ", 1),
    (AssertionError(), 'AssertionError. This is not a known cause. ', 1),
    (RecursionError('maximum recursion depth exceeded'), 'RecursionError: maximum recursion depth exceeded. ', 1),
    (ValueError('\x1b[31mred'), 'ValueError: \\x1b[31mred. ', 1),
    (MemoryError(), 'this machine has not enough memory; use smaller batches', 1),
    (RuntimeError('CUDA error: out of memory'), 'the GPU has not enough memory; use smaller batches', 1),
    (FileNotFoundError(2, 'No such file or directory', 'people.txt'), 'people.txt: No such file or directory; ', 2),
    (PermissionError(13, 'Permission denied', 'people.txt'), 'people.txt: Permission denied; check the path', 2),
])
def test_an_exception_is_one_line_and_a_file(error: Exception, words: str, code: int, temporary: Path,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    assert end(raising(error)) == code
    line, = capsys.readouterr().err.splitlines()
    file, = temporary.iterdir()
    assert line.startswith(f'distilpose it: {words}') and line.endswith(f' The traceback is in {file}.')
    text = file.read_text(encoding='utf-8')
    assert text.startswith('distilpose it --all\n') and 'Traceback (most recent call last)' in text


def test_a_long_message_is_shortened(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert end(raising(RuntimeError('begin ' + 'tensor ' * 1000 + 'end'))) == 1
    line = capsys.readouterr().err
    assert len(line) < 600 and 'begin' in line and 'end. This' in line
    assert 'tensor ' * 1000 in next(temporary.iterdir()).read_text()


def test_a_message_that_cannot_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise KeyError('message')

    assert end(raising(Odd())) == 1
    assert 'Odd: its message cannot be printed (KeyError)' in capsys.readouterr().err


def test_the_log_of_a_run_is_named(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = ValueError('no')
    note(error, activity='training, in iteration 3', traceback_file=Path('work/run.log'))
    assert end(raising(error)) == 1
    assert capsys.readouterr().err == ('distilpose it: while training, in iteration 3: ValueError: no. This is not a '
                                       'known cause. The traceback is in work/run.log.\n')
    assert not list(temporary.iterdir())


def test_the_innermost_activity_counts(capsys: pytest.CaptureFixture[str]) -> None:
    def act() -> int:
        with while_doing('reading boxes'), while_doing('reading boxes.json'):
            raise ValueError('no')

    assert end(act) == 1
    assert 'it: while reading boxes.json: ValueError' in capsys.readouterr().err


@pytest.mark.parametrize('error', [ValueError('no'), DistilPoseError('no')])
def test_a_variable_shows_the_traceback(error: Exception, temporary: Path, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(SHOW, '1')
    end(raising(error))
    text = capsys.readouterr().err
    assert 'Traceback (most recent call last)' in text and 'distilpose it: ' in text.splitlines()[-1]
    assert not list(temporary.iterdir())


def test_old_files_are_removed(temporary: Path) -> None:
    (temporary / 'of_others.txt').touch()
    for _ in range(25):
        end(raising(ValueError('no')))
    assert len(list(temporary.glob('distilpose_traceback_*'))) == 20 and (temporary / 'of_others.txt').exists()


def test_without_room_for_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / 'missing'))
    assert end(raising(ValueError('no'))) == 1
    assert capsys.readouterr().err.endswith(f'{SHOW}=1 prints the traceback.\n')


@pytest.mark.parametrize(('content', 'words'), [
    ('import cv2_of_a_test', 'the package cv2_of_a_test cannot be imported: ModuleNotFoundError'),
    ("raise ImportError('libGL.so.1: cannot open shared object file', name='cv2')",
     'the package cv2 cannot be imported: ImportError: libGL.so.1: cannot open shared object file; install the system'),
    ("raise OSError('libcudart.so.12: cannot open shared object file')",
     'the package broken_package cannot be imported: OSError: libcudart.so.12'),
    ("raise AttributeError('module numpy has no attribute float')",
     'the package broken_package cannot be imported: AttributeError'),
])
def test_a_broken_installation(content: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                               capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'broken_package.py').write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'broken_package', raising=False)
    assert end(lambda: importlib.import_module('broken_package') and None) == 1
    line = capsys.readouterr().err
    assert words in line and "'distilpose doctor' lists what of this installation works." in line


def test_a_reader_that_has_enough(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, 'w') as stream:
        monkeypatch.setattr(sys, 'stdout', stream)
        assert end(raising(BrokenPipeError(32, 'Broken pipe'))) == 141
        monkeypatch.undo()
    assert capfd.readouterr().err == ''


@pytest.mark.parametrize('name', COMMANDS)
def test_the_help_has_the_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        COMMANDS[name].main(['--help'])
    assert 'Exit codes: 0 done, 1 a fault while it ran, 2 wrong input' in ' '.join(capsys.readouterr().out.split())
