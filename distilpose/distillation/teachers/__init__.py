"""Teachers: frozen networks outside of the module tree that say what a student learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

from .base import Teacher
from .estimator import FrozenTeacher, load_teacher, read_teacher_source
from .onnx import OnnxTeacher

__all__ = ['PAIRING_OPTIONS', 'FrozenTeacher', 'OnnxTeacher', 'Teacher', 'build_teacher', 'load_teacher',
           'read_teacher_source', 'teacher_facts']


PAIRING_OPTIONS = ('keypoints', 'crop', 'view', 'padding')
"""Keys of ``model.teacher`` that say how a student learns from it, whatever the teacher is."""


def build_teacher(spec: Mapping[str, Any]) -> Teacher:
    """Builds the teacher of a config's ``model.teacher``: of a registered ``type``, or an mmpose estimator.

    Raises:
        DistilPoseError: as :func:`~distilpose.distillation.teachers.load_teacher`.
    """
    own = {key: value for key, value in spec.items() if key not in PAIRING_OPTIONS}
    if 'type' not in own:
        return load_teacher(**own)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(own)


def teacher_facts(spec: Mapping[str, Any], teacher: Teacher) -> Any:
    """Plain data that says what a teacher computes beside its weights: the model of its config, or its own facts.

    Args:
        spec: the config's ``model.teacher``.
        teacher: that was built from it.
    """
    own = {key: value for key, value in spec.items() if key not in PAIRING_OPTIONS}
    return teacher.facts() if 'type' in own else read_teacher_source(own).model
