"""Checkpoint files: reading them safely and loading them completely."""

from distilpose.host.checkpoint_loading import read_checkpoints_with
from distilpose.host.checkpoint_saving import write_checkpoints_with

from .finite import all_finite, not_finite, require_finite
from .plain_data import flatten, restore
from .safe_loading import (
    BadCheckpoint,
    CheckpointMismatch,
    MissingCheckpoint,
    UntrustedCheckpoint,
    load_file,
    load_strict,
    read,
    state_dict_of,
)
from .training_state import check_training_state
from .weights import Weights, read_weights
from .writing import save_atomically, save_checkpoint_of_training

read_checkpoints_with(read)
write_checkpoints_with(save_checkpoint_of_training)

__all__ = [
    'BadCheckpoint',
    'CheckpointMismatch',
    'MissingCheckpoint',
    'UntrustedCheckpoint',
    'Weights',
    'all_finite',
    'check_training_state',
    'flatten',
    'load_file',
    'load_strict',
    'not_finite',
    'read_weights',
    'require_finite',
    'restore',
    'save_atomically',
    'state_dict_of',
]
