"""Processes of a launcher such as torchrun: each ends when its launcher has ended."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

LAUNCHER = 'DISTILPOSE_LAUNCHER'
"""Environment variable with the id of the launcher's process, which its children take out again."""
_SECONDS_TO_SAVE = 8.0
_SECONDS_BETWEEN_LOOKS = 0.5
_PR_SET_PDEATHSIG = 1


def end_with_launcher() -> None:
    """Ends this process when torchrun, which started it, is killed; does nothing in a process of its own.

    Without it the processes run on alone, and resuming starts a second training into the same folder. The process gets
    SIGTERM, which lets a training save, and is killed if that takes too long, for instance because another process
    is waited for. Linux sends the signal itself; elsewhere, and where the launcher was gone before, a thread does.
    """
    if 'TORCHELASTIC_RUN_ID' not in os.environ:
        return
    launcher = int(os.environ.pop(LAUNCHER, os.getppid()))
    is_signalled = _ask_for_signal()
    is_signalled &= os.getppid() == launcher  # else it ended before this check
    threading.Thread(target=_watch, args=(launcher, is_signalled), name='launcher', daemon=True).start()


def _ask_for_signal() -> bool:
    """Lets Linux send SIGTERM when the parent ends; whether it will."""
    if sys.platform != 'linux':
        return False
    try:
        return ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) == 0
    except (OSError, AttributeError):  # a libc without it
        return False


def _watch(launcher: int, is_signalled: bool) -> None:
    """Waits for the end of the launcher, and ends this process."""
    while os.getppid() == launcher:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    if not is_signalled:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_SAVE)
    os.kill(os.getpid(), signal.SIGKILL)
