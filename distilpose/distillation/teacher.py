"""Forwards to :mod:`distilpose.distillation.teachers`, where teachers are now."""

import warnings

from .teachers import FrozenTeacher, load_teacher, read_teacher_source

__all__ = ['FrozenTeacher', 'load_teacher', 'read_teacher_source']

warnings.warn('distilpose.distillation.teacher is now distilpose.distillation.teachers', DeprecationWarning,
              stacklevel=2)
