"""Exceptions whose message is meant for the person at the keyboard."""

from __future__ import annotations

from typing import ClassVar


class DistilPoseError(ValueError):
    """Wrong input: what was found, what was expected, what to change. The tools print it without a traceback."""

    exit_code: ClassVar[int] = 2
    """Of a command that ends with this error."""


class RunFailed(DistilPoseError):
    """A run cannot continue although its input was accepted: a loss that is not finite, a full disk, a dead worker."""

    exit_code = 1


class BadCheckpoint(DistilPoseError):
    """The file is not a checkpoint, is cut short, or does not hold what a checkpoint holds."""


class MissingCheckpoint(FileNotFoundError, DistilPoseError):
    """There is no such checkpoint file."""
