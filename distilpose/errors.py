"""Exceptions whose message is meant for the person at the keyboard."""

from __future__ import annotations


class DistilPoseError(ValueError):
    """Wrong input: what was found, what was expected, what to change. The tools print it without a traceback."""


class MissingCheckpoint(FileNotFoundError, DistilPoseError):
    """There is no such checkpoint file."""
