"""Data workers and processes of a training that die: a sentence within seconds, the traceback in the log file."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.runs import start_training, start_two_processes
from tests.faults.test_signals import SLOW, are_gone, children

pytestmark = pytest.mark.slow
MakeConfig = Callable[..., Path]


def test_a_killed_worker(make_config: MakeConfig, tmp_path: Path) -> None:
    run = start_training(make_config(workers=2, epochs=200, extra=SLOW), tmp_path / 'w', '--no-validate')
    run.wait_for('Epoch(train)   [2][2/3]')
    workers = children(run.process.pid)
    os.kill(workers[0], signal.SIGKILL)
    start = time.monotonic()
    assert run.process.wait(60) == 1 and time.monotonic() - start < 20
    last = run.output.strip().splitlines()[-1]
    assert last.startswith(f'train.py: the data worker {workers[0]} ') and 'because memory ran out' in last
    assert 'Traceback' not in run.output and are_gone(workers)
    assert 'Traceback' in next((tmp_path / 'w').glob('*/*.log')).read_text()


@pytest.mark.parametrize('rank', [0, 1])
def test_a_killed_process(make_config: MakeConfig, tmp_path: Path, rank: int) -> None:
    extra = SLOW.replace('interval=1000', 'interval=1')
    run = start_two_processes(make_config(workers=1, epochs=200, extra=extra), tmp_path / 'w', '--no-validate')
    run.wait_for('Epoch(train)   [3][1/2]')
    ranks = sorted(children(run.process.pid))
    workers = [worker for process in ranks for worker in children(process)]
    os.kill(ranks[rank], signal.SIGKILL)
    start = time.monotonic()
    assert run.process.wait(60) == 137 and time.monotonic() - start < 20
    last = run.output.strip().splitlines()[-1]
    assert last.startswith(f'Process {rank} was killed by SIGKILL, most likely by the system because memory ran out')
    assert '--resume' in last and 'Traceback' not in run.output, run.output[-3000:]
    assert are_gone(ranks + workers)
