"""The shell scripts that start several processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..engine import tiny
from .conftest import TOOLS

pytestmark = pytest.mark.slow


def run(script: str, *arguments: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable, **variables}
    return subprocess.run([TOOLS / script, *arguments], cwd=cwd, env=environment, capture_output=True, text=True,
                          timeout=600, check=False)


@pytest.mark.parametrize(('script', 'arguments', 'words'), [
    ('dist_train.sh', [], 'expected CONFIG and GPUS'),
    ('dist_train.sh', ['config.py'], 'expected CONFIG and GPUS'),
    ('dist_train.sh', ['config.py', 'two'], "GPUS must be a positive whole number, and it is 'two'"),
    ('dist_train.sh', ['config.py', '--amp'], "GPUS must be a positive whole number, and it is '--amp'"),
    ('dist_test.sh', ['config.py', '2'], 'expected three arguments'),
    ('slurm_train.sh', ['partition', 'job'], 'expected PARTITION, JOB_NAME and CONFIG'),
    ('slurm_test.sh', ['partition', 'job', 'config.py'], 'expected four arguments'),
])
def test_wrong_usage_is_a_sentence(script: str, arguments: list[str], words: str, tmp_path: Path) -> None:
    result = run(script, *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr and script in result.stderr


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
@pytest.mark.parametrize('arguments', [['--help'], ['-h'], ['config.py', '2', '--help']])
def test_help_is_the_usage_and_needs_no_python(script: str, arguments: list[str], tmp_path: Path) -> None:
    result = run(script, *arguments, cwd=tmp_path, PYTHON=str(tmp_path / 'no_python'))
    assert result.returncode == 0 and not result.stderr
    assert f'tools/{script} ' in result.stdout and 'CONFIG' in result.stdout
    assert '#' not in result.stdout and 'set -euo' not in result.stdout


def test_help_of_the_quickstart_makes_no_environment(tmp_path: Path) -> None:
    folder = tmp_path / 'project'
    for name in ('tools', 'distilpose_cli'):
        shutil.copytree(TOOLS.parent / name, folder / name)
    result = subprocess.run([folder / 'tools' / 'quickstart.sh', '--help'], capture_output=True, text=True, check=False,
                            env={**os.environ, 'PYTHON': sys.executable}, timeout=600)
    assert result.returncode == 0 and '--images' in result.stdout, result.stderr
    assert not (folder / '.venv').exists()


def test_without_slurm_the_other_script_is_named(tmp_path: Path) -> None:
    result = run('slurm_train.sh', 'partition', 'job', 'config.py', cwd=tmp_path)
    assert result.returncode == 2 and 'no srun here' in result.stderr


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A folder with programs that print their arguments."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in ('srun', 'recorder'):
        (folder / name).write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@" "OMP=${OMP_NUM_THREADS:-}"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(('script', 'arguments', 'expected'), [
    ('slurm_train.sh', ['part', 'job', 'c.py', 'my dir', '--amp'],
     ['train.py', 'c.py', '--work-dir', 'my dir', '--amp', '--launcher', 'slurm']),
    ('slurm_train.sh', ['part', 'job', 'c.py', '--amp'], ['train.py', 'c.py', '--amp', '--launcher', 'slurm']),
    ('slurm_test.sh', ['part', 'job', 'c.py', 'x.pth', '--dump', 'y.pkl'],
     ['test.py', 'c.py', 'x.pth', '--dump', 'y.pkl', '--launcher', 'slurm']),
])
def test_srun_is_asked_for_gpus(script: str, arguments: list[str], expected: list[str], recorder: Path,
                                tmp_path: Path) -> None:
    result = run(script, *arguments, cwd=tmp_path, PATH=f'{recorder}:{os.environ["PATH"]}', GPUS='4',
                 GPUS_PER_NODE='2', CPUS_PER_TASK='3', SRUN_ARGS='--time 1:00')
    words = result.stdout.splitlines()
    for option in ('--job-name=job', '--gres=gpu:2', '--ntasks=4', '--ntasks-per-node=2', '--cpus-per-task=3', '1:00'):
        assert option in words
    assert [Path(word).name if word.endswith('.py') else word for word in words[words.index('-u') + 1:-1]] == expected


def test_torchrun_is_told_about_machines(recorder: Path, tmp_path: Path) -> None:
    result = run('dist_train.sh', 'c.py', '2', '--amp', cwd=tmp_path, PYTHON=str(recorder / 'recorder'), NNODES='3',
                 NODE_RANK='1', MASTER_ADDR='10.0.0.1', PORT='12345', OMP_NUM_THREADS='')
    words = result.stdout.splitlines()
    assert {'--nnodes=3', '--node_rank=1', '--nproc_per_node=2', '--master_addr=10.0.0.1',
            '--master_port=12345'} <= set(words)
    assert words[-5:-1] == ['c.py', '--launcher', 'pytorch', '--amp']
    assert words[-1] == f'OMP={max(len(os.sched_getaffinity(0)) // 2, 1)}'


def test_two_processes_distil_and_test(tmp_path: Path, tiny_data: Path) -> None:
    """Two gloo processes train a student from a teacher, resume, and evaluate, from another directory."""
    _, distillation = tiny.write_distillation(tmp_path, tiny_data)
    cwd = tmp_path / 'elsewhere'
    cwd.mkdir()
    trained = run('dist_train.sh', '../distillation.py', '2', '--amp', '--no-validate', cwd=cwd)
    assert trained.returncode == 0, trained.stderr
    work_dir = cwd / 'work_dirs' / 'distillation'
    losses = tiny.logged_losses(work_dir)
    assert sorted(losses) == [1, 2, 3, 4], '12 images, 2 processes of 4 each'
    log = max(work_dir.glob('*/*.log')).read_text()
    assert "The teacher's weights are bit-identical" in log and '2 processes on ' in log
    (tmp_path / 'teacher.pth').rename(tmp_path / 'gone.pth')
    tested = run('dist_test.sh', distillation, 'work_dirs/distillation/epoch_2.pth', '2', '--out', 'm.json', cwd=cwd)
    assert tested.returncode == 0, tested.stderr
    assert 'coco/AP' in (cwd / 'm.json').read_text()


@pytest.mark.parametrize(('script', 'arguments', 'sentence'), [
    ('dist_train.sh', ['configs/quickstart/basline.py', '2'], 'train.py: no config configs/quickstart/basline.py; did '
     'you mean configs/quickstart/baseline.py?'),
    ('dist_test.sh', ['configs/quickstart/baseline.py', 'missing.pth', '2'], 'test.py: The checkpoint missing.pth does '
     'not exist'),
])
def test_a_file_that_is_missing_is_refused_without_torch(script: str, arguments: list[str], sentence: str,
                                                         tmp_path: Path) -> None:
    (tmp_path / 'torch').mkdir()
    (tmp_path / 'torch' / '__init__.py').write_text('raise RuntimeError("torch was imported")\n')
    result = run(script, *arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert result.returncode == 2 and result.stderr.startswith(sentence), result.stderr
    assert result.stderr.count('\n') == 1


def test_wrong_input_of_processes_is_one_sentence(tmp_path: Path) -> None:
    result = run('dist_train.sh', 'no_such_config.py', '2', cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count('no config no_such_config.py') == 1
    assert 'Traceback' not in result.stderr
