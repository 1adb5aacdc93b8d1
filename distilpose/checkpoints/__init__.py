"""Checkpoint files: reading them safely and loading them completely."""

from .plain_data import flatten, restore
from .safe_loading import (
    BadCheckpoint,
    CheckpointMismatch,
    MissingCheckpoint,
    UntrustedCheckpoint,
    load_file,
    load_strict,
    state_dict_of,
)

__all__ = [
    'BadCheckpoint',
    'CheckpointMismatch',
    'MissingCheckpoint',
    'UntrustedCheckpoint',
    'flatten',
    'load_file',
    'load_strict',
    'restore',
    'state_dict_of',
]
