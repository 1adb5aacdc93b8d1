"""Disks that are full, and work directories that cannot be written: one sentence, nothing half-written or lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from distilpose.checkpoints import load_file
from tests.engine.tiny import write_config, write_data

from .runs import Run, start_training

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path / 'config.py', write_data(tmp_path / 'data'), epochs=3)


def test_a_full_disk_ends_the_run_and_loses_nothing(config: Path, tmp_path: Path) -> None:
    """No file may grow beyond 40 kB, which a checkpoint does; that needs no disk of its own."""
    work_dir = tmp_path / 'run'
    assert start_training(config, work_dir, '--no-validate', '--cfg-options', 'train_cfg.max_epochs=1').end() == 0
    train = f'{sys.executable} tools/train.py {config} --work-dir {work_dir} --no-validate --resume'
    full = Run(['bash', '-c', f'ulimit -f 40; exec {train}'], tmp_path / 'full.log')
    assert full.end() == 1
    assert f'train.py: {work_dir}/epoch_2.pth cannot be written: File too large (' in full.output
    assert 'make room and go on with --resume' in full.output
    assert 'Traceback' not in full.output and 'Logging error' not in full.output
    left = [file for file in work_dir.iterdir() if file.is_file()]
    assert sorted(file.name for file in left) == ['config.py', 'epoch_1.pth', 'last_checkpoint']
    assert load_file(work_dir / 'epoch_1.pth')['meta']['epoch'] == 1
    again = start_training(config, work_dir, '--no-validate', '--resume', log=tmp_path / 'again.log')
    assert again.end() == 0 and load_file(work_dir / 'epoch_3.pth')['meta']['epoch'] == 3


@pytest.mark.parametrize('below', ['', 'deeper'])
def test_a_work_dir_that_is_a_file(config: Path, tmp_path: Path, below: str) -> None:
    (tmp_path / 'run').write_text('mine')
    run = start_training(config, tmp_path / 'run' / below, log=tmp_path / 'run.log')
    assert run.end() == 2
    assert f'{tmp_path}/run is a file, and a folder was expected; name another --work-dir' in run.output
    assert 'Traceback' not in run.output and (tmp_path / 'run').read_text() == 'mine'
