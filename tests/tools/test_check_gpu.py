"""tools/check_gpu.sh on a CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import TOOLS

SCRIPT = Path(TOOLS) / 'check_gpu.sh'


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(['bash', SCRIPT, '--python', sys.executable, *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_it_parses_and_has_help() -> None:
    subprocess.run(['bash', '-n', SCRIPT], check=True)
    assert 'usage: bash tools/check_gpu.sh' in run('--help').stdout


@pytest.mark.slow
@pytest.mark.parametrize(('arguments', 'sentence'), [
    (['--fast'], 'unknown argument --fast'), (['--minutes', 'ten'], '--minutes is ten; expected a whole number'),
    (['--out'], '--out needs a value')])
def test_wrong_usage_is_a_sentence(arguments: list[str], sentence: str) -> None:
    found = run(*arguments)
    assert found.returncode == 2 and sentence in found.stderr


@pytest.mark.slow
def test_a_dry_run_on_the_cpu(tmp_path: Path) -> None:
    found = run('--device', 'cpu', '--dry', '--out', tmp_path, '--minutes', '60')
    assert found.returncode == 0, found.stdout
    summary = (tmp_path / 'summary.txt').read_text().splitlines()
    assert [line.partition(':')[0] for line in summary] == [
        'doctor', 'equal', 'train', 'infer_one', 'infer_batch', 'tests']
    assert all(': passed, ' in line for line in summary)
    assert 'equal: loss differs by' in (tmp_path / 'equal.txt').read_text()
