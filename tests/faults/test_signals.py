"""Trainings that receive signals: they save, stop with the signal's exit code, say how to go on, and do so exactly."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.test_interim_checkpoints import assert_equal
from tests.faults.runs import Run, start_training, start_two_processes

pytestmark = pytest.mark.slow
MakeConfig = Callable[..., Path]
SLOW = """
train_pipeline.insert(1, dict(type='SlowDown', seconds=0.02))
train_dataloader['dataset']['pipeline'] = train_pipeline
custom_imports['imports'].append('tests.faults.slow_down')
default_hooks['checkpoint'].update(interval=1000)
"""


def children(process: int) -> list[int]:
    found = subprocess.run(['pgrep', '-P', str(process)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def are_gone(processes: list[int], *, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while any(Path(f'/proc/{process}').exists() for process in processes) and time.monotonic() < end:
        time.sleep(0.1)
    return not any(Path(f'/proc/{process}').exists() for process in processes)


def saved(run: Run) -> Path:
    """The checkpoint that the last line names."""
    line = run.output.strip().splitlines()[-1]
    assert 'Stopped by SIG' in line and 'To go on: ' in line and line.endswith('--resume'), run.output[-3000:]
    return Path(next(word for word in line.split() if word.endswith('.pth')))


@pytest.mark.parametrize(('name', 'code', 'whole_group'), [
    ('SIGTERM', 143, False), ('SIGTERM', 143, True), ('SIGINT', 130, True), ('SIGUSR1', 138, False)])
def test_one_process(make_config: MakeConfig, tmp_path: Path, name: str, code: int, whole_group: bool) -> None:
    config = make_config(workers=2, epochs=20, extra=SLOW)
    run = start_training(config, tmp_path / 'w', '--no-validate')
    run.wait_for('Epoch(train)  [2][2/3]')
    workers = children(run.process.pid)
    assert len(workers) == 2
    (os.killpg if whole_group else os.kill)(run.process.pid, getattr(signal, name))
    assert run.process.wait(60) == code and are_gone(workers)
    assert 'Traceback' not in run.output and run.output.count('Stopped by') == 2, 'in the log and at the end'
    file = saved(run)
    assert file.is_file() and (tmp_path / 'w' / 'last_checkpoint').read_text() == str(file)
    if not whole_group or name != 'SIGTERM':
        return
    words = shlex.split(run.output.strip().splitlines()[-1].partition('To go on: ')[2])
    resumed = Run([sys.executable, *words[1:], '--cfg-options', 'train_cfg.max_epochs=4'], tmp_path / 'resumed.log')
    assert resumed.end() == 0, resumed.output[-3000:]
    whole = start_training(config, tmp_path / 'whole', '--no-validate', '--cfg-options', 'train_cfg.max_epochs=4')
    assert whole.end() == 0
    assert_equal(tmp_path / 'whole' / 'epoch_4.pth', tmp_path / 'w' / 'epoch_4.pth')


@pytest.mark.parametrize(('to', 'name', 'code'), [
    ('launcher', 'SIGTERM', 143), ('group', 'SIGINT', 130), ('launcher', 'SIGUSR1', 138), ('second', 'SIGTERM', 143)])
def test_two_processes_stop_after_the_same_iteration(make_config: MakeConfig, tmp_path: Path, to: str, name: str,
                                                     code: int) -> None:
    config = make_config(workers=1, epochs=200, extra=SLOW)
    run = start_two_processes(config, tmp_path / 'w', '--no-validate')
    run.wait_for('Epoch(train)   [3][2/2]')
    ranks = children(run.process.pid)
    workers = [worker for rank in ranks for worker in children(rank)]
    assert len(ranks) == 2 and len(workers) == 2
    number = getattr(signal, name)
    if to == 'group':
        os.killpg(run.process.pid, number)
    else:
        os.kill(run.process.pid if to == 'launcher' else max(ranks), number)
    assert run.process.wait(60) == code, run.output[-3000:]
    assert are_gone(ranks + workers)
    assert 'Traceback' not in run.output and run.output.count('To go on') == 1, run.output[-3000:]
    line = run.output.strip().splitlines()[-1]
    assert saved(run).is_file() and 'dist_train.sh' in line and ' 2 --work-dir' in line


def test_a_second_signal_ends_at_once(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(epochs=20, extra=SLOW.replace('0.02', '2.0'))
    run = start_training(config, tmp_path / 'w', '--no-validate')
    run.wait_for('Epoch(train)  [1][1/3]')
    time.sleep(0.5)
    run.process.send_signal(signal.SIGTERM)
    run.wait_for('A second signal ends at once')
    time.sleep(1.0)
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(60) == 143
    assert 'Traceback' not in run.output and 'Ended at once by a second signal' in run.output
    assert 'Epoch(train)  [1][2/3]' not in run.output and not list((tmp_path / 'w').glob('*.pth'))


def test_in_a_validation_the_epoch_is_saved(make_config: MakeConfig, tmp_path: Path) -> None:
    slow = SLOW + "val_pipeline.insert(1, dict(type='SlowDown', seconds=0.5))\n" \
        "val_dataloader['dataset']['pipeline'] = val_pipeline\n"
    run = start_training(make_config(epochs=20, extra=slow), tmp_path / 'w')
    run.wait_for('Epoch(train)  [1][3/3]')
    time.sleep(1.0)
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(30) == 143
    assert 'Stopped by SIGTERM in the validation after epoch 1' in run.output and saved(run).name == 'iter_3.pth'


def test_while_the_run_is_built_nothing_is_to_save(make_config: MakeConfig, tmp_path: Path) -> None:
    run = start_training(make_config(epochs=500), tmp_path / 'w')
    run.wait_for('Hooks will be executed')
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(30) == 143
    assert 'Traceback' not in run.output and 'SIGTERM' in run.output


def test_a_test_ends_with_a_sentence(make_config: MakeConfig, tmp_path: Path) -> None:
    slow = SLOW + "val_pipeline.insert(1, dict(type='SlowDown', seconds=0.5))\n" \
        "val_dataloader['dataset']['pipeline'] = val_pipeline\nval_dataloader['num_workers'] = 1\n"
    config = make_config(epochs=1, extra=slow)
    assert start_training(config, tmp_path / 'w', '--no-validate').end() == 0
    run = Run([sys.executable, 'tools/test.py', config, tmp_path / 'w' / 'epoch_1.pth', '--work-dir', tmp_path / 't'],
              tmp_path / 'test.log')
    run.wait_for('Load')
    time.sleep(1.0)
    os.killpg(run.process.pid, signal.SIGTERM)
    assert run.process.wait(30) == 143
    assert run.output.strip().endswith('Received SIGTERM. Interrupted. Start the test again.'), run.output[-2000:]
    assert 'Traceback' not in run.output
