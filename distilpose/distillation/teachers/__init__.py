"""Teachers: frozen networks outside of the module tree whose outputs supervise a student."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

from distilpose.config.models import PAIRING_OPTIONS, SUPERVISION_OPTIONS, ModelSource, check_arguments
from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput

from .base import Teacher
from .estimator import FrozenTeacher, input_of, load_teacher, read_teacher_input, read_teacher_source
from .moving_average import MovingAverageTeacher
from .onnx import OnnxTeacher
from .self_distillation import SelfDistillationTeacher

__all__ = ['PAIRING_OPTIONS', 'FrozenTeacher', 'MovingAverageTeacher', 'OnnxTeacher', 'SelfDistillationTeacher',
           'Teacher', 'build_teacher', 'load_teacher', 'read_teacher_source', 'teacher_facts', 'teacher_input',
           'with_padding']


def build_teacher(spec: Mapping[str, Any]) -> Teacher:
    """Builds the teacher of a config's ``model.teacher``: of a registered ``type``, or an mmpose estimator.

    Raises:
        DistilPoseError: as :func:`~distilpose.distillation.teachers.load_teacher`.
    """
    own = _own_options(spec)
    if 'type' not in own:
        return load_teacher(**own)
    _check_kind(own)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(own)


def teacher_facts(spec: Mapping[str, Any], teacher: Teacher) -> Any:
    """Plain data that determines a teacher's outputs beside its weights: the model of its config, or its own facts.

    Args:
        spec: the config's ``model.teacher``; empty for a teacher that was made elsewhere.
        teacher: that was built from it.
    """
    own = _own_options(spec)
    return read_teacher_source(own).model if own and 'type' not in own else teacher.facts()


def teacher_input(spec: Mapping[str, Any], *, student: Callable[[], ModelSource] | None = None) -> NetworkInput:
    """The images that the teacher of a config's ``model.teacher`` takes, without building it.

    A registered teacher has a class method ``read_input(spec)`` for it, which gets its own options; without that method
    the input is unknown. One that is made of the student (``has_student_input``) takes the student's images.
    ``padding`` of the spec overrides the teacher's.

    Args:
        spec: the config's ``model.teacher``.
        student: reads the student; only called where its input is the teacher's.

    Raises:
        DistilPoseError: as :func:`~distilpose.distillation.teachers.load_teacher`.
    """
    own = _own_options(spec)
    if 'type' not in own:
        return with_padding(read_teacher_input(own), spec)
    kind = _check_kind(own)
    if getattr(kind, 'has_student_input', False) and student is not None:
        found = replace(input_of(student()), padding=None)
    else:
        read = getattr(kind, 'read_input', None)
        found = NetworkInput() if read is None else read(own)
    return with_padding(found, spec)


def with_padding(images: NetworkInput, spec: Mapping[str, Any]) -> NetworkInput:
    """The images of a teacher, with the ``padding`` of a config's ``model.teacher`` if it has one."""
    padding = spec.get('padding')
    return images if padding is None else replace(images, padding=padding)


def _own_options(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the teacher itself, without those of the pair and of its share beside others."""
    return {key: value for key, value in spec.items() if key not in (*PAIRING_OPTIONS, *SUPERVISION_OPTIONS)}


def _check_kind(own: Mapping[str, Any]) -> Any:
    """The class of a registered teacher, which must take all options, or a function that makes one.

    Raises:
        DistilPoseError: there is no such class, it is no teacher, or does not take an option.
    """
    kind = MODELS.get(own['type']) if isinstance(own['type'], str) else own['type']
    if inspect.isfunction(kind):
        return kind
    if not isinstance(kind, type) or not issubclass(kind, Teacher):
        raise DistilPoseError(f"model.teacher.type is {own['type']!r}, which is no registered teacher; expected "
                              "'OnnxTeacher' or a class of yours that is derived from "
                              'distilpose.distillation.Teacher, or leave it out and name a config and a checkpoint')
    parameters = inspect.signature(kind).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        check_arguments(kind, own, entry='model.teacher', options=PAIRING_OPTIONS)
    missing = [name for name, parameter in parameters.items() if parameter.default is parameter.empty
               and name not in own and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)]
    if missing:
        raise DistilPoseError(f"model.teacher is a {kind.__name__} without {', '.join(missing)}; add "
                              f"{', '.join(f'model.teacher.{name}' for name in missing)}")
    return kind
