"""Checks before a training: of a config and its teacher, of an annotation or detection file; ``distilpose check``."""

from .file_check import FileCheck, check_file
from .training import check_training

__all__ = ['FileCheck', 'check_file', 'check_training']
