"""A training in a process of its own: progress, results, errors, signals."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from distilpose.compare import own_process
from distilpose.compare.own_process import OUTPUT, OwnProcess
from distilpose.compare.shared_progress import Bar
from distilpose.errors import DistilPoseError, Interrupted, MachineFailed
from distilpose.progress import ProgressDisplay

pytestmark = pytest.mark.slow


def succeed(value: int) -> int:
    print('a line of the host')
    display = ProgressDisplay.on_terminal()
    assert display is not None
    display.show(display.add('train', 2), 'train', completed=1, rate='', seconds=None)
    return 2 * value


def fail(kind: str) -> None:
    if kind == 'sentence':
        raise DistilPoseError('found 1; expected 2')
    if kind == 'signal':
        raise Interrupted(signal.SIGTERM, 'Stopped by SIGTERM', checkpoint='epoch_1.pth')
    if kind == 'killed':
        os.kill(os.getpid(), signal.SIGKILL)
    raise KeyError('x')


def wait_for_a_signal(file: Path) -> None:
    def note(number: int, frame: object) -> None:
        file.write_text(f'saved at {signal.Signals(number).name}')
        sys.exit()

    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, note)
    file.write_text(str(os.getpgrp()))
    time.sleep(60)


def test_result_and_progress_arrive_and_what_is_printed_is_in_a_file(tmp_path: Path) -> None:
    bars: list[Bar] = []
    before = time.monotonic()
    with OwnProcess(succeed, 4, title='student', folder=tmp_path, show=bars.append) as process:
        assert process.wait() == 8 and not process.is_running
        assert before < process.ended <= time.monotonic()
    assert [(bar.training, bar.completed) for bar in bars] == [('student', 1)]
    assert 'a line of the host' in (tmp_path / OUTPUT).read_text()


@pytest.mark.parametrize(('kind', 'error', 'text'), [
    ('sentence', DistilPoseError, 'found 1; expected 2'),
    ('signal', Interrupted, 'Stopped by SIGTERM'),
    ('killed', MachineFailed, "'student' ended with SIGKILL"),
    ('other', DistilPoseError, "'student' ended with KeyError: 'x'; the traceback is in")])
def test_errors_arrive(tmp_path: Path, kind: str, error: type[BaseException], text: str) -> None:
    with OwnProcess(fail, kind, title='student', folder=tmp_path, show=lambda bar: None) as process, pytest.raises(
            error, match=text):
        process.wait()
    assert ('KeyError' in (tmp_path / OUTPUT).read_text()) == (kind == 'other')


def test_the_end_of_the_context_stops_it_with_one_signal_and_waits(tmp_path: Path) -> None:
    file = tmp_path / 'file'
    with OwnProcess(wait_for_a_signal, file, title='student', folder=tmp_path, show=lambda bar: None):
        while not (file.exists() and file.read_text()):
            time.sleep(0.05)
        assert file.read_text() != str(os.getpgrp())  # Ctrl-C does not reach it
    assert file.read_text() == 'saved at SIGTERM'


def test_ctrl_c_is_blocked_only_while_processes_start() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with own_process._without_ctrl_c():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
