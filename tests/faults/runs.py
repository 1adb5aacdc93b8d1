"""Starting trainings of ``tests/engine/tiny.py`` as a user does, in processes that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.engine.tiny import PROJECT

_ENVIRONMENT = dict(PYTHONPATH=str(PROJECT), OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')


class Run:
    """A command in a process group of its own, with its output in a file.

    Args:
        command: program and arguments.
        log: the file.
        environment: variables in addition to those of this process.
    """

    def __init__(self, command: Sequence[str | Path], log: Path, **environment: str) -> None:
        self.log = log
        with log.open('w') as stream:
            self.process = subprocess.Popen(
                list(map(str, command)), stdout=stream, stderr=subprocess.STDOUT, cwd=PROJECT, start_new_session=True,
                env={**os.environ, **_ENVIRONMENT, **environment})

    @property
    def output(self) -> str:
        """What was printed so far."""
        return self.log.read_text(errors='replace')

    def wait_until(self, condition: Callable[[], bool], *, timeout: float = 120.0) -> None:
        """Waits until something is so; fails when the process ends before, or it takes too long."""
        end = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, f'ended before: {self.output[-3000:]}'
            assert time.monotonic() < end, f'not within {timeout} s: {self.output[-3000:]}'
            time.sleep(0.02)

    def wait_for(self, text: str, *, timeout: float = 120.0) -> None:
        """Waits until a text is printed, see :meth:`wait_until`."""
        self.wait_until(lambda: text in self.output, timeout=timeout)

    def end(self, *, timeout: float = 240.0) -> int:
        """Waits for the end of the process and returns the exit code, negative for a signal."""
        try:
            return self.process.wait(timeout)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kills all processes of the group that are left."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def start_training(config: Path, work_dir: Path, *arguments: str | Path, log: Path | None = None,
                   **environment: str) -> Run:
    """Starts ``tools/train.py`` with a config; the log is ``<work_dir>.log``, if none is named."""
    return Run([sys.executable, 'tools/train.py', config, '--work-dir', work_dir, *arguments],
               log or work_dir.with_suffix('.log'), **environment)


def start_two_processes(config: Path, work_dir: Path, *arguments: str | Path, log: Path | None = None,
                        **environment: str) -> Run:
    """Starts ``tools/dist_train.sh`` with a config in two processes."""
    return Run(['bash', 'tools/dist_train.sh', config, '2', '--work-dir', work_dir, *arguments],
               log or work_dir.with_suffix('.log'), **environment)
