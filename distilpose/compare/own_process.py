"""A training in a process of its own, beside that of this process, with its progress, its end and its error passed on.

The process starts afresh, because a fork of one that has used autograd or threads cannot train. It leaves the group of
this process, so that Ctrl-C reaches only this one, which then stops the other with SIGTERM: every training receives one
signal and saves once. It stops by itself when this process is gone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from distilpose.errors import DistilPoseError, Interrupted, MachineFailed, RunFailed
from distilpose.progress import shown_by

from .shared_progress import Bar, DisplayPart

OUTPUT = 'output.txt'
"""In the folder of the training: what its process prints."""
_LOWER_PRIORITY = 5
_STOP = 'stop'


class OwnProcess:
    """Calls a function in a process of its own; a context, at whose end the process has ended.

    Args:
        action: a function of a module, and what it is called with, to be pickled.
        title: of the training.
        folder: its work directory.
        show: takes changes of its bars, from another thread.
    """

    def __init__(self, action: Callable[..., Any], *arguments: Any, title: str, folder: Path,
                 show: Callable[[Bar], None]) -> None:
        self.title, self.output, self._show = title, folder / OUTPUT, show
        self.ended = 0.0
        """When the process ended, of :func:`time.monotonic`."""
        self._end: tuple[Any, ...] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context('spawn')
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other, action, arguments, title, self.output))
        with _without_ctrl_c():
            self._process.start()
        other.close()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._listener.is_alive()

    def stop(self) -> None:
        """Asks the process to stop; a training saves first. The end of the context waits for it."""
        with contextlib.suppress(OSError):
            self._connection.send(_STOP)

    def __enter__(self) -> OwnProcess:
        """The process runs already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Stops the process if it still runs; a training saves first."""
        self.stop()
        self._process.join()
        self._listener.join()
        self._connection.close()

    def wait(self) -> Any:
        """Waits for the end of the process; returns what the function returned.

        Raises:
            DistilPoseError: that of the function; or the process was ended.
            Interrupted: it received a signal.
        """
        while self._listener.is_alive():
            self._listener.join(0.2)  # in slices, between which signals are handled on any system
        self._process.join()
        if self._end is None:
            code = self._process.exitcode or 0
            name = signal.Signals(-code).name if code < 0 else f'exit code {code}'
            raise MachineFailed(f'the process of {self.title!r} ended with {name} before its training did; what it '
                                f'printed is in {self.output}. A lack of memory may be the cause. Run the same command '
                                'again to resume')
        kind, *rest = self._end
        if kind == 'stopped':
            raise Interrupted(signal.Signals(rest[0]), rest[1])
        if kind == 'failed':
            raise pickle.loads(rest[0])
        return rest[0]

    def _listen(self) -> None:
        """Shows progress until the process has ended."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                message = self._connection.recv()
                if isinstance(message, Bar):
                    self._show(message)
                else:
                    self._end, self.ended = message, time.monotonic()
        self.ended = self.ended or time.monotonic()


def _work(connection: Connection, action: Callable[..., Any], arguments: tuple[Any, ...], title: str,
          output: Path) -> None:
    """What the process does."""
    if hasattr(os, 'setpgrp'):
        os.setpgrp()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        os.nice(_LOWER_PRIORITY)  # a training in the process that started this one is the longer one
    _print_to(output)
    lock = threading.Lock()

    def send(message: Any) -> None:
        with lock, contextlib.suppress(OSError):  # the other process is gone, and the signal is on its way
            connection.send(message)

    threading.Thread(target=_stop_on_message, args=(connection, ), daemon=True).start()
    try:
        with shown_by(lambda is_transient: DisplayPart(title, send)):
            send(('done', action(*arguments)))
    except KeyboardInterrupt as stop:
        send(('stopped', int(getattr(stop, 'received', signal.SIGINT)), str(stop)))
    except Exception as error:
        traceback.print_exc()
        send(('failed', _pickled(error, title=title, output=output)))


def _print_to(file: Path) -> None:
    """Leads standard output and error to a file, those of libraries too."""
    sys.stdout.flush()
    sys.stderr.flush()
    stream = file.open('a', encoding='utf-8', buffering=1)
    for number in (1, 2):
        os.dup2(stream.fileno(), number)
    sys.stdout = sys.stderr = stream


def _stop_on_message(connection: Connection) -> None:
    """Sends this process SIGTERM when the other one asks for it, or is gone."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _pickled(error: Exception, *, title: str, output: Path) -> bytes:
    """The error, or one that names the file of its traceback, where it is none for users or cannot be pickled."""
    with contextlib.suppress(Exception):
        if isinstance(error, DistilPoseError):
            data = pickle.dumps(error)
            pickle.loads(data)
            return data
    return pickle.dumps(RunFailed(f'{title!r} ended with {type(error).__name__}: {error}; the traceback is in '
                                  f'{output}'))


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes that are started do not receive Ctrl-C until they ask for it."""
    if not hasattr(signal, 'pthread_sigmask'):
        yield
        return
    resource_tracker.ensure_running()  # it changes the mask when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
