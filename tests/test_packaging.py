"""The pins, the ranges, the scripts and the page that explains them belong together."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted([*ROOT.glob('tools/*.sh'), ROOT / '.ci' / 'run'])
PYTHONS = ('3.10', '3.11', '3.12', '3.13')
# What packages ask for and must not get, see docs/dependencies.md.
LEFT_OUT = {'chumpy', 'xtcocotools', 'opencv-python'}


def pins(python: str) -> dict[str, str]:
    """Name and version of every pin that applies to a Python."""
    lines = (ROOT / 'requirements.txt').read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and line[0] not in '#-']
    chosen = [r for r in requirements if r.marker is None or r.marker.evaluate({'python_version': python})]
    assert len({r.name for r in chosen}) == len(chosen), 'a package is pinned twice'
    return {canonicalize_name(r.name): str(r.specifier).removeprefix('==') for r in chosen}


def ranges() -> dict[str, Requirement]:
    """What setup.py asks for."""
    tree = ast.parse((ROOT / 'setup.py').read_text())
    lists = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == 'REQUIRES']
    return {canonicalize_name(r.name): r for r in map(Requirement, ast.literal_eval(lists[0]))}


def extras() -> dict[str, Requirement]:
    """What the optional groups of setup.py ask for."""
    call = next(node.value for node in ast.parse((ROOT / 'setup.py').read_text()).body if isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Call))
    groups = next(ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == 'extras_require')
    return {canonicalize_name(r.name): r for group in groups.values() for r in map(Requirement, group)}


def torch_pin() -> str:
    return re.search(r"torch_pin='torch==(.+)'", (ROOT / 'tools' / 'setup_env.sh').read_text())[1]


@pytest.mark.parametrize('python', PYTHONS)
def test_every_line_is_an_exact_pin(python: str) -> None:
    for name, version in pins(python).items():
        assert re.fullmatch(r'[0-9.]+(b[0-9]+|\.post[0-9]+)?', version), f'{name}{version}'


def test_torch_is_not_among_the_pins() -> None:
    assert 'torch' not in pins('3.11')
    assert f'torch=={torch_pin()}' in (ROOT / 'requirements.txt').read_text()


@pytest.mark.parametrize('python', PYTHONS)
def test_ranges_of_setup_contain_the_pins(python: str) -> None:
    pinned = {**pins(python), 'torch': torch_pin()}
    optional = {name: requirement for name, requirement in extras().items() if name in pinned}
    assert {'hotcoco', 'simplejpeg'} <= set(optional)
    for name, requirement in {**ranges(), **optional}.items():
        assert requirement.specifier.contains(pinned[name]), f'{requirement} does not allow {pinned[name]}'


def test_setup_asks_for_nothing_that_pip_cannot_resolve() -> None:
    unwanted = {'mmpose', 'mmengine', 'mmcv', 'mmcv-lite', 'torchvision', 'opencv-python', 'xtcocotools'}
    assert not unwanted & set(ranges())


def test_the_page_names_the_pins_as_they_are() -> None:
    page = (ROOT / 'docs' / 'dependencies.md').read_text()
    for name, version in re.findall(r'`([a-z-]+)==([0-9.]+)`', page):
        known = {**pins('3.11'), 'torch': torch_pin()}
        assert version in (known[name], '2.12.1' if name == 'torch' else known[name]), name
    for name in ('mmpose', 'mmengine', 'torchvision', 'mmcv-lite'):
        assert f'{name} {pins("3.11")[name]}' in page


def test_nothing_that_is_needed_is_left_out() -> None:
    """Follow what the installed packages ask for: it is pinned, or left out on purpose, and nothing else is pinned."""
    python = '{}.{}'.format(*sys.version_info[:2])
    pinned = pins(python)
    missing, asked = set(), set()
    for name in pinned:
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f'{name} is not installed here: this is another environment than that of tools/setup_env.sh')
        for requirement in map(Requirement, requires):
            if requirement.marker is None or requirement.marker.evaluate({'extra': ''}):
                asked.add(canonicalize_name(requirement.name))
    missing = asked - set(pinned) - {'torch'}
    assert missing <= LEFT_OUT, missing


def test_the_environment_is_the_tested_one() -> None:
    python = '{}.{}'.format(*sys.version_info[:2])
    if os.environ.get('DISTILPOSE_PYTHON'):
        pytest.skip('an environment of the user')
    for name, version in pins(python).items():
        assert importlib.metadata.version(name) == version


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable(script: Path) -> None:
    text = script.read_text()
    if not text.startswith('# Sourced by'):
        assert os.access(script, os.X_OK), f'chmod +x {script}'
        assert text.startswith('#!/usr/bin/env bash\n')
        assert re.search('^set -euo pipefail$', text, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_well_formed(script: Path) -> None:
    assert subprocess.run(['bash', '-n', str(script)], capture_output=True, text=True).stderr == ''


# --- tools/setup_env.sh, in a copy of the project that has no environment


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / 'a copy'
    (folder / 'tools').mkdir(parents=True)
    shutil.copy(ROOT / 'tools' / 'setup_env.sh', folder / 'tools')
    for name in ('requirements.txt', 'setup.py'):
        shutil.copy(ROOT / name, folder)
    return folder


def setup_env(copy: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(copy / 'tools' / 'setup_env.sh'), *arguments],
        env={**os.environ, **environment},
        cwd='/',
        capture_output=True,
        text=True,
        timeout=600,
    )


def fake(folder: Path, content: str) -> str:
    file = folder / 'fake-python'
    file.write_text(f'#!/bin/sh\n{content}\n')
    file.chmod(0o755)
    return str(file)


@pytest.mark.slow
def test_help_explains_every_option(copy: Path) -> None:
    result = setup_env(copy, '--help')
    assert result.returncode == 0
    for option in ('--python', '--torch', '--recreate', 'system', 'index URL'):
        assert option in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ('script', 'message'),
    [('echo 3.9', 'is Python 3.9, and Python 3.10, 3.11'), ('exit 127', 'is no Python that runs, and Python 3.10')],
    ids=['old', 'broken'],
)
def test_a_wrong_python_is_a_sentence(copy: Path, tmp_path: Path, script: str, message: str) -> None:
    result = setup_env(copy, '--python', fake(tmp_path, script))
    assert result.returncode == 1
    assert message in result.stderr
    assert result.stderr.count('\n') == 1
    assert not (copy / '.venv').exists()


@pytest.mark.slow
def test_no_python_at_all_is_a_sentence(copy: Path, tmp_path: Path) -> None:
    tools = tmp_path / 'bin'
    tools.mkdir()
    for name in ('bash', 'cat', 'dirname', 'cksum', 'env'):
        os.symlink(shutil.which(name), tools / name)
    result = setup_env(copy, PATH=str(tools))
    assert result.returncode == 1
    assert 'no Python 3.10, 3.11, 3.12 or 3.13 was found' in result.stderr


@pytest.mark.slow
def test_system_torch_that_is_not_there_is_a_sentence(copy: Path, tmp_path: Path) -> None:
    result = setup_env(copy, '--torch', 'system', '--python', fake(tmp_path, '[ "$1" = -c ] && echo 3.12 || exit 1'))
    assert result.returncode == 1
    assert 'has no torch 2.6 or later that imports' in result.stderr
    assert not (copy / '.venv').exists()


@pytest.mark.slow
def test_an_unknown_argument_is_a_sentence(copy: Path) -> None:
    result = setup_env(copy, '--tourch', 'system')
    assert result.returncode == 1
    assert "unknown argument '--tourch'" in result.stderr


@pytest.mark.slow
def test_no_network_is_a_sentence(copy: Path) -> None:
    nowhere = {'PIP_INDEX_URL': 'http://127.0.0.1:9/simple', 'PIP_EXTRA_INDEX_URL': '', 'PIP_FIND_LINKS': ''}
    nowhere |= {'PIP_CONFIG_FILE': os.devnull, 'PIP_NO_INDEX': '0', 'PIP_DEFAULT_TIMEOUT': '1', 'PIP_RETRIES': '0'}
    result = setup_env(copy, '--python', sys.executable, **nowhere)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith('setup_env: pip could not install torch==')
    assert 'online' in last
    assert not (copy / '.venv' / '.distilpose-environment').exists()  # so that the next run completes it


@pytest.mark.slow
def test_a_finished_environment_is_recognised(copy: Path, tmp_path: Path) -> None:
    """Until a pin changes. The environment is a pretended one, since the script would complete a real one."""
    python, venv = fake(tmp_path, '[ "$1" = -c ] && echo 3.12 || exit 1'), copy / '.venv'
    (venv / 'bin').mkdir(parents=True)
    shutil.copy(python, venv / 'bin' / 'python')
    content = b''.join((copy / name).read_bytes() for name in ('requirements.txt', 'setup.py', 'tools/setup_env.sh'))
    checksum = subprocess.run(['cksum'], input=content, capture_output=True, check=True).stdout.decode()
    (venv / '.distilpose-environment').write_text(f'torch: \n{checksum}{copy}\n')
    result = setup_env(copy, '--python', python)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f'The environment in {venv} is ready.\n'
    with (copy / 'requirements.txt').open('a') as file:
        file.write('another-pin==1.0\n')
    result = setup_env(copy, '--python', python)
    assert result.returncode == 1 and 'cannot make a virtual environment' in result.stderr
