"""Checkpoints: safe unpickling, strict loading, conversion of published files, atomic writing."""

from distilpose.host.checkpoint_loading import read_checkpoints_with
from distilpose.host.checkpoint_saving import write_checkpoints_with

from .finite import all_finite, not_finite, require_finite
from .plain_data import flatten, restore
from .safe_loading import BadCheckpoint, MissingCheckpoint, load_file, read
from .signatures import UntrustedCheckpoint
from .training_state import check_training_state
from .weights import CheckpointMismatch, Weights, load_strict, read_weights, state_dict_of
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
