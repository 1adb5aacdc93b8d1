"""Launching a training or a test of a config: the Runner, hooks, resuming, failures, mixed precision, processes."""

from distilpose.config import (
    check_checkpoint_files,
    check_data_files,
    check_input_sizes,
    check_mixed_data,
    check_schedules,
    merge_options,
    read_config,
    set_data_root,
    student_config,
)

from ..renamed import forward_names
from . import hooks, mixed_precision, weight_averaging
from .testing import evaluate
from .training import train

__all__ = [
    'check_checkpoint_files', 'check_data_files', 'check_input_sizes', 'check_mixed_data', 'check_schedules',
    'evaluate', 'hooks', 'merge_options', 'mixed_precision', 'read_config', 'set_data_root',
    'student_config', 'train', 'weight_averaging',
]

__getattr__ = forward_names(__name__, {
    'averaging': 'distilpose.engine.weight_averaging', 'check_training': 'distilpose.check.check_training',
    'optim': 'distilpose.engine.mixed_precision'})
