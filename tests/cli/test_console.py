"""The console command: what it imports, how long its help takes, and what it says to wrong words."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import distilpose
from distilpose_cli import console

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(set(ROOT.glob('tools/*.py')) - {ROOT / 'tools' / 'run_processes.py'})
HEAVY = ('torch', 'mmengine', 'mmpose', 'mmcv', 'numpy', 'cv2', 'rich', 'scipy', 'matplotlib', 'distilpose')
HELPS = [*([str(script)] for script in SCRIPTS), ['-m', 'distilpose_cli'],
         *(['-m', 'distilpose_cli', name] for name in console.COMMANDS),
         ['-m', 'distilpose_cli', 'benchmark', 'train']]
CPU_SECONDS = 1.0  # on a busy machine; importing torch alone takes more


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env={**os.environ, 'PYTHONPATH': str(ROOT)},
                          capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.slow
@pytest.mark.parametrize('words', HELPS, ids=lambda words: ' '.join(Path(word).name for word in words))
def test_help_takes_no_time(words: list[str], tmp_path: Path) -> None:
    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    done = python(*words, '--help', cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith('usage: ') and not done.stderr
    assert spent() - before < CPU_SECONDS


@pytest.mark.slow
def test_parsing_and_refusing_import_nothing_heavy(tmp_path: Path) -> None:
    """In one process: every parser, and commands with paths that do not exist."""
    code = f"""
import sys
from distilpose_cli import comparing, console, data
commands = [*console.COMMANDS.values(), comparing.COMPARE_MODELS, comparing.COMPARE_LOSSES, data.EXTRACT_UBODY_FRAMES]
assert all(command.build_parser().format_help() for command in commands)
assert console.main(['train', 'no.py', '--cfg-options', 'a=1']) == 2
assert console.main(['test', 'mmpose::x', 'no.pth']) == 2
assert console.main(['benchmark', 'data', 'no.py']) == 2
assert console.main(['convert', 'no.pth', 'x.pth', '--config', 'mmpose::x']) == 2
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = python('-c', code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == '[]\n'
    lines = done.stderr.splitlines()
    assert [line.partition(':')[0] for line in lines] == [
        'distilpose train', 'distilpose test', 'distilpose benchmark', 'distilpose convert']


def test_the_overview_has_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.main(['--help']) == 0
    overview = capsys.readouterr().out
    for name, command in console.COMMANDS.items():
        assert f'  {name} ' in overview and command.summary in overview
    assert max(map(len, overview.splitlines())) <= 120
    assert console.main([]) == 2
    assert capsys.readouterr().err == overview


@pytest.mark.parametrize(('word', 'hint'), [('trian', 'did you mean train?'), ('qqq', 'expected one of init, train')])
def test_an_unknown_command_is_a_sentence(word: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert console.main([word]) == 2
    assert f'there is no command {word!r}; {hint}' in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.main(['--version']) == 0
    assert capsys.readouterr().out == f'distilpose {distilpose.__version__}\n'


def test_usage_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        console.main(['flops', '--help'])
    assert capsys.readouterr().out.startswith('usage: distilpose flops ')
