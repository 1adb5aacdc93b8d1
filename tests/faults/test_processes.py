"""Faults of several processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from distilpose.checkpoints import load_file
from tests.engine import tiny
from tests.faults.runs import Run, start_training, start_two_processes

pytestmark = pytest.mark.slow

HOOKS = """
custom_hooks = [dict(type='ChannelsLastHook'),
                dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]
train_dataloader = dict(batch_size={batch_size})
train_cfg = dict(by_epoch=True, max_epochs=3)
default_hooks = dict(checkpoint=dict(interval=1, by_epoch=False, max_keep_ckpts=-1), logger=dict(interval=1))
"""


def weights(file: Path) -> dict[str, torch.Tensor]:
    """All that decides about the next iteration: weights, averaged ones, and the optimizer's."""
    checkpoint = load_file(file)
    averaged = {f'averaged {name}': value for name, value in checkpoint['ema_state_dict'].items()}
    moments = {f'{number} {name}': value for number, state in checkpoint['optimizer']['state'].items()
               for name, value in state.items()}
    return {**checkpoint['state_dict'], **averaged, **moments}


@pytest.mark.parametrize(('processes', 'iterations'), [(2, (2, 3)), (3, (3,))])
def test_processes_resume_bit_equal(processes: int, iterations: tuple[int, ...], tmp_path: Path,
                                    tiny_data: Path) -> None:
    """A distillation, from the end of an epoch and from the middle of one."""
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    config.write_text(config.read_text() + HOOKS.format(batch_size=12 // 2 // processes))

    def run(name: str, *arguments: str | Path) -> dict[str, torch.Tensor]:
        run = Run(['bash', 'tools/dist_train.sh', config, str(processes), '--work-dir', tmp_path / name,
                   '--no-validate', *arguments], tmp_path / f'{name}.log')
        assert run.end() == 0, run.output
        return weights(tmp_path / name / 'iter_6.pth')

    expected = run('whole')
    for iteration in iterations:
        found = run(f'from_{iteration}', '--resume', tmp_path / 'whole' / f'iter_{iteration}.pth')
        assert found.keys() == expected.keys()
        assert [name for name, value in expected.items() if not torch.equal(found[name], value)] == []


LONG = """
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2), logger=dict(interval=1))
"""


def children(pid: int) -> list[int]:
    found = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def is_alive(pid: int) -> bool:
    found = subprocess.run(['ps', '-o', 'stat=', '-p', str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(found.strip()) and not found.startswith('Z')


def wait_for_end(processes: list[int], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while left := list(filter(is_alive, processes)):
        assert time.monotonic() < end, f'{left} did not end within {seconds} s'
        time.sleep(0.2)


def kill_and_wait_for_children(run: Run) -> None:
    """Kills a process that has two children, which must end."""
    found = children(run.process.pid)
    assert len(found) == 2
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    wait_for_end(found, seconds=20)


def test_processes_end_with_their_launcher(tmp_path: Path, tiny_data: Path) -> None:
    config = tiny.write_config(tmp_path / 'config.py', tiny_data, epochs=10**5, extra=LONG)
    run = start_two_processes(config, tmp_path / 'run', '--no-validate')
    try:
        run.wait_for('Epoch(train)      [2]')
        kill_and_wait_for_children(run)
    finally:
        run.kill()


_STUBBORN = """
import os, signal, sys, time
from distilpose_cli import launcher
signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))
launcher._SECONDS_TO_SAVE = 1.0
if sys.argv[1] == 'elsewhere':
    launcher._ask_for_signal = lambda: False
launcher.end_with_launcher()
print('child', os.getpid(), launcher.LAUNCHER in os.environ, flush=True)
while True:
    time.sleep(0.1)
"""


@pytest.mark.parametrize('system', ['here', 'elsewhere', 'gone before'])
def test_a_process_that_does_not_end_is_killed(system: str, tmp_path: Path) -> None:
    """It gets SIGTERM once, from the system or from its thread, and SIGKILL later."""
    launcher = '1' if system == 'gone before' else 'str(os.getpid())'
    starting = f"""
import os, subprocess, sys
environment = dict(os.environ, TORCHELASTIC_RUN_ID='x', DISTILPOSE_LAUNCHER=str({launcher}))
subprocess.run([sys.executable, '-c', {_STUBBORN!r}, {system!r}], env=environment)
"""
    run = Run([sys.executable, '-c', starting], tmp_path / 'log')
    try:
        run.wait_for('child')
        child = int(run.output.split('child')[1].split()[0])
        assert 'False' in run.output
        if system != 'gone before':
            os.kill(run.process.pid, signal.SIGKILL)
            run.process.wait()
        wait_for_end([child], seconds=10)
        assert run.output.count('asked') == 1
    finally:
        run.kill()


def test_workers_end_with_their_training(tmp_path: Path, tiny_data: Path) -> None:
    config = tiny.write_config(tmp_path / 'config.py', tiny_data, workers=2, epochs=10**5, extra=LONG)
    run = start_training(config, tmp_path / 'run', '--no-validate')
    try:
        run.wait_for('Epoch(train)      [2]')
        kill_and_wait_for_children(run)
    finally:
        run.kill()


def test_a_second_training_in_the_same_folder_is_refused(tmp_path: Path, tiny_data: Path) -> None:
    """Also in two processes; after a kill the next one is not."""
    config = tiny.write_config(tmp_path / 'config.py', tiny_data, epochs=10**5, extra=LONG)
    first = start_training(config, tmp_path / 'run', '--no-validate')
    try:
        first.wait_for('Epoch(train)      [2]')
        for start in (start_training, start_two_processes):
            second = start(config, tmp_path / 'run', '--no-validate', '--resume', log=tmp_path / 'second.log')
            assert second.end() == 2, second.output[-3000:]
            sentence = f'{tmp_path}/run is in use by another training: process {first.process.pid} of '
            assert second.output.count(sentence) == 1 and 'Traceback' not in second.output
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
    finally:
        first.kill()
    third = start_training(config, tmp_path / 'run', '--no-validate', '--resume', log=tmp_path / 'third.log')
    try:
        third.wait_for('Resuming from')
        third.wait_for('Saving checkpoint')
    finally:
        third.kill()


def test_machines_that_do_not_meet_are_sentences(tmp_path: Path, tiny_data: Path) -> None:
    config = tiny.write_config(tmp_path / 'config.py', tiny_data)
    with socket.socket() as server:
        server.bind(('', 0))
        server.listen()
        port = str(server.getsockname()[1])
        run = start_two_processes(config, tmp_path / 'run', PORT=port)
        assert run.end(timeout=30) == 2 and f'port {port}, where the processes meet, is in use' in run.output
    alone = start_two_processes(config, tmp_path / 'run', NNODES='2', PORT=port, JOIN_TIMEOUT='2')
    assert alone.end(timeout=60) == 1
    assert 'The machines did not meet (' in alone.output and '1/2 clients joined' in alone.output
    late = start_two_processes(config, tmp_path / 'run', NNODES='2', NODE_RANK='1', PORT=port, JOIN_TIMEOUT='2')
    assert late.end(timeout=60) == 1 and 'The machines did not meet (' in late.output
    for output in (run.output, alone.output, late.output):
        assert 'Traceback' not in output and 'frame #' not in output
        assert len(output.splitlines()) <= 3


def test_a_process_that_cannot_join_says_so(tmp_path: Path, tiny_data: Path) -> None:
    """The second of two, started by hand, whose first never comes."""
    config = tiny.write_config(tmp_path / 'config.py', tiny_data,
                               extra="env_cfg = dict(dist_cfg=dict(backend='gloo', timeout=2))\n")
    run = start_training(config, tmp_path / 'run', '--launcher', 'pytorch', RANK='1', LOCAL_RANK='0', WORLD_SIZE='2',
                         MASTER_ADDR='127.0.0.1', MASTER_PORT='1')
    assert run.end() == 1
    assert 'process 1 of 0 to 1 could not join the others at 127.0.0.1:1 (' in run.output
    assert 'Traceback' not in run.output
