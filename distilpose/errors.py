"""Exceptions with messages for users: what was found, what was expected, what to change."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

_CONTROLS = (*range(0x09), *range(0x0b, 0x20), *range(0x7f, 0xa0), *range(0x2028, 0x202f), *range(0x2066, 0x206a))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _CONTROLS}
"""Characters that move the cursor, colour, hide or reorder text -> how Python writes them; not tab and newline."""


def printable(text: str) -> str:
    """A text for a terminal or a log: names in it may come from an untrusted file."""
    return text.translate(_ESCAPES).encode('utf-8', 'backslashreplace').decode('utf-8')


@contextmanager
def while_doing(activity: str) -> Iterator[None]:
    """Attaches to a passing exception what was being done; the innermost one counts.

    Commands print it of an error whose cause is not known, see :mod:`distilpose_cli.tracebacks`.

    Args:
        activity: such as ``'building model.head'``.
    """
    try:
        yield
    except Exception as error:
        note(error, activity=activity)
        raise


def note(error: BaseException, *, activity: str | None = None, traceback_file: Path | None = None) -> None:
    """Notes on an exception what was being done, and which file has its traceback; what is noted already stays.

    Args:
        error: the exception, which keeps them as attributes of these names.
        activity: such as ``'building model.head'``.
        traceback_file: such as the log of a run.
    """
    for name, value in (('activity', activity), ('traceback_file', traceback_file)):
        if value is not None and getattr(error, name, None) is None:
            setattr(error, name, value)


def as_option(path: str) -> str:
    """A place in a config as ``--cfg-options`` takes it: ``'datasets.0.images'`` of ``'datasets[0].images'``."""
    return path.replace('[', '.').replace(']', '')


class DistilPoseError(ValueError):
    """Wrong input: what was found, what was expected, what to change. The tools print it without a traceback."""

    exit_code: ClassVar[int] = 2
    """Of a command that ends with this error."""
    keeps_traceback: ClassVar[bool] = False
    """Whether a command writes the traceback into a file and names it."""

    def __str__(self) -> str:
        """The sentence, without control characters."""
        return printable(super().__str__())


class BuildFailed(DistilPoseError):
    """A part of a config cannot be built; its cause may be a mistake in code, and has its traceback kept."""

    keeps_traceback: ClassVar[bool] = True


class RunFailed(DistilPoseError):
    """A run cannot continue although its input was accepted: a loss that is not finite, a full disk, a dead worker."""

    exit_code = 1


class BadCheckpoint(DistilPoseError):
    """The file is not a checkpoint, is cut short, or does not hold what a checkpoint holds."""


class NotFinite(RunFailed):
    """A loss, a gradient, a weight or a learning rate of a training is not finite: its settings do not work."""


class MachineFailed(RunFailed):
    """Something around the training ends it: a dead data worker, no memory, no descriptors, a lost process.

    Args:
        message: what happened, its likely cause, what to change.
        checkpoint: where the run can be resumed from, if it was training.
    """

    def __init__(self, message: str, *, checkpoint: str | None = None) -> None:
        super().__init__(message)
        self.checkpoint = checkpoint


class SampleFailed(MachineFailed):
    """A training sample cannot be prepared: an image that cannot be read, an error in a step of the pipeline."""


class LostProcess(MachineFailed):
    """Another process of the run ended; its error is the cause."""


class Interrupted(KeyboardInterrupt):
    """A training stopped at a signal.

    Args:
        received: the signal.
        message: where it stopped, and what is saved.
        checkpoint: where the run can be resumed from, if anything is saved.
    """

    def __init__(self, received: signal.Signals, message: str, *, checkpoint: str | None = None) -> None:
        super().__init__(message)
        self.received, self.checkpoint = received, checkpoint

    @property
    def exit_code(self) -> int:
        """Of a command that ends so, as shells count: 143 for SIGTERM, 130 for SIGINT, 138 for SIGUSR1."""
        return 128 + self.received


class MissingCheckpoint(FileNotFoundError, DistilPoseError):
    """There is no such checkpoint file."""

    __str__ = DistilPoseError.__str__
