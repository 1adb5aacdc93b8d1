"""Running configs: reading and checking them, hooks, mixed precision, processes."""

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

from . import hooks, mixed_precision, weight_averaging
from .launch import check_training, evaluate, train

__all__ = [
    'check_checkpoint_files', 'check_data_files', 'check_input_sizes', 'check_mixed_data', 'check_schedules',
    'check_training', 'evaluate', 'hooks', 'merge_options', 'mixed_precision', 'read_config', 'set_data_root',
    'student_config', 'train', 'weight_averaging',
]
