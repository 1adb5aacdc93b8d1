"""``tools/convert_checkpoint.py``: a file that does not fit ends in a sentence, exit code 2 and nothing written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from distilpose.checkpoints import load_file

from ..checkpoints.made_files import published_names, student_weights, wrapped, write_student_config

Tool = Callable[[str], ModuleType]


@pytest.fixture
def config(tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a config in the current directory."""
    monkeypatch.chdir(tmp_path)
    return write_student_config(tmp_path / 'student.py', tiny_data).name


class RunsCode:
    def __reduce__(self) -> tuple:
        return os.mkdir, ('mark',)


def test_converts_and_says_what(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(wrapped(published_names(student_weights())), 'published.pth')
    assert tool('convert_checkpoint').main(['published.pth', 'made/folder/ours.pth', '--config', config]) == 0
    count = len(student_weights())
    assert (f'Recognised a student of DistilPose. Wrote all {count} weights to made/folder/ours.pth'
            in capsys.readouterr().out)
    assert len(load_file('made/folder/ours.pth')['state_dict']) == count
    assert tool('test').main([config, 'made/folder/ours.pth']) == 0


def test_a_missing_file(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(tool, capsys, config, words='published.pth does not exist')


def test_a_truncated_file(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(published_names(student_weights()), 'published.pth')
    content = Path('published.pth').read_bytes()
    Path('published.pth').write_bytes(content[:len(content) // 2])
    assert_refused(tool, capsys, config, words='it is cut short, damaged or no checkpoint')


def test_a_file_that_runs_code(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(dict(state_dict=published_names(student_weights()), extra=RunsCode()), 'published.pth')
    assert_refused(tool, capsys, config, words='which can run any code')
    assert not Path('mark').exists()


def test_another_network(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(published_names({name: value for name, value in student_weights().items() if 'layers.1' not in name}),
               'published.pth')
    assert_refused(tool, capsys, config, words='missing from it: head.encoder.layers.1.')


def test_no_weights(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(dict(epoch=3), 'published.pth')
    assert_refused(tool, capsys, config, words='holds no weights')


def test_a_missing_config(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(tool, capsys, 'nowhere.py', words='no config nowhere.py')


def assert_refused(tool: Tool, capsys: pytest.CaptureFixture[str], config: str, *, words: str) -> None:
    assert tool('convert_checkpoint').main(['published.pth', 'new/ours.pth', '--config', config]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith(os.path.basename(sys.argv[0])) and words in message
    assert not Path('new').exists()


def test_the_source_itself(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(published_names(student_weights()), 'published.pth')
    before = Path('published.pth').read_bytes()
    assert tool('convert_checkpoint').main(['published.pth', './published.pth', '--config', config]) == 2
    assert 'the same file' in capsys.readouterr().err
    assert Path('published.pth').read_bytes() == before
