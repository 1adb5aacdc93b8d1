"""Reading, checking and changing configs."""

from .annotations import check_annotations
from .checks import (
    CHECKS,
    check,
    check_checkpoint_files,
    check_data_files,
    check_input_sizes,
    check_networks,
    check_schedules,
)
from .data import replace_steps, with_augmentation, with_codec, with_fast_data
from .hugging_face import PADDING, is_hugging_face, weights_of
from .keypoints import set_own_keypoints
from .loop_checks import adapt_to_workers
from .mixing_checks import check_mixed_data
from .models import ModelSource, build_estimator, keypoint_metainfo, read_model_source, student_config
from .options import merge_options, misspelt_entries, parse_value, set_data_root
from .paths import PROJECT_ROOT, checkpoint_source, find_config, project_path, working_root
from .reading import load_config, read_config
from .teacher_crop import CropSpec, with_teacher_crop, with_teacher_crops, without_teacher_crop
from .tree import ConfigTree
from .walk import dictionaries

__all__ = [
    'CHECKS', 'PADDING', 'PROJECT_ROOT', 'ConfigTree', 'CropSpec', 'ModelSource', 'adapt_to_workers', 'build_estimator',
    'check', 'check_annotations', 'check_checkpoint_files', 'check_data_files', 'check_input_sizes', 'check_mixed_data',
    'check_networks', 'check_schedules', 'checkpoint_source', 'dictionaries', 'find_config', 'is_hugging_face',
    'keypoint_metainfo', 'load_config', 'merge_options', 'misspelt_entries', 'parse_value', 'project_path',
    'read_config', 'read_model_source', 'replace_steps', 'set_data_root', 'set_own_keypoints', 'student_config',
    'weights_of', 'with_augmentation', 'with_codec', 'with_fast_data', 'with_teacher_crop', 'with_teacher_crops',
    'without_teacher_crop', 'working_root',
]
