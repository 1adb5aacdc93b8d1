"""Refuses students and teachers that do not fit each other, before the first iteration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from distilpose.errors import DistilPoseError
from distilpose.models import read_outputs
from distilpose.structures import PoseOutputs

from .teacher import FrozenTeacher
from .terms import DistillationTerm


def check_pair(student: Any, teacher: FrozenTeacher, terms: Mapping[str, DistillationTerm], *,
               student_names: tuple[str, ...] | None = None) -> None:
    """Runs both networks once on an empty image and compares what they show.

    Raises:
        DistilPoseError: says what was found, what was expected and what to change.
    """
    _check_keypoint_order(student_names, teacher.keypoint_names)
    _check_normalisation(student, teacher.model)
    width, height = _common_input_size(student, teacher.model)
    shown = _student_outputs(student, torch.zeros(1, 3, height, width, device=_device(student)))
    wanted = teacher.outputs(torch.zeros(1, 3, height, width, device=_device(teacher.model)))
    for name, term in terms.items():
        _check_fields(name, 'student', student, term.student_fields, shown)
        _check_fields(name, 'teacher', teacher.model, term.teacher_fields, wanted)
    _check_keypoint_count(shown, wanted)
    _check_heatmap_grid(teacher.model, wanted, (width, height))
    for name, term in terms.items():
        reason = term.mismatch(shown, wanted)
        if reason:
            raise DistilPoseError(f'term {name!r}: {reason}')


@torch.no_grad()
def _student_outputs(student: Any, images: torch.Tensor) -> PoseOutputs:
    was_training = student.training
    student.eval()
    features = student.extract_feat(images)
    outputs = read_outputs(student.head, student.head(features), features)
    student.train(was_training)
    return outputs


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _check_keypoint_order(student: tuple[str, ...] | None, teacher: tuple[str, ...] | None) -> None:
    if student is None or teacher is None or student == teacher:
        return
    if len(student) != len(teacher):
        raise DistilPoseError(f'the student learns {len(student)} keypoints, the teacher knows {len(teacher)}; '
                              'both must be trained on the same keypoint definition')
    index = next(i for i, pair in enumerate(zip(student, teacher, strict=True)) if pair[0] != pair[1])
    raise DistilPoseError(f'keypoint {index} is {student[index]!r} for the student and {teacher[index]!r} for the '
                          'teacher; both must be trained on the same keypoint definition')


def _check_keypoint_count(student: PoseOutputs, teacher: PoseOutputs) -> None:
    found, expected = _keypoint_count(student), _keypoint_count(teacher)
    if None not in (found, expected) and found != expected:
        raise DistilPoseError(f'the student predicts {found} keypoints, the teacher {expected}; set the number of '
                              'keypoints of the student head to that of the teacher')


def _keypoint_count(outputs: PoseOutputs) -> int | None:
    for maps in (outputs.heatmaps, outputs.simcc):
        if maps is not None:
            return maps[-1].shape[1]
    return None if outputs.coords is None else outputs.coords.shape[1]


def _check_normalisation(student: nn.Module, teacher: nn.Module) -> None:
    found, expected = (_normalisation(model) for model in (student, teacher))
    if found != expected:
        raise DistilPoseError(f'the student normalises its images with {found}, the teacher with {expected}; give both '
                              'the same data_preprocessor')


def _normalisation(model: nn.Module) -> dict[str, object]:
    preprocessor = model.data_preprocessor
    normalised = getattr(preprocessor, '_enable_normalize', False)
    values = {name: getattr(preprocessor, name).flatten().tolist() if normalised else None for name in ('mean', 'std')}
    return dict(values, channels_swapped=getattr(preprocessor, '_channel_conversion', False))


def _common_input_size(student: nn.Module, teacher: nn.Module) -> tuple[int, int]:
    found, expected = _input_size(student), _input_size(teacher)
    size = found or expected
    if size is None:
        raise DistilPoseError('neither the student nor the teacher says its input size; give one of their heads a '
                              'decoder (an mmpose codec with input_size)')
    if found and expected and found != expected:
        raise DistilPoseError(f'the student takes images of {found[0]}x{found[1]} (width x height), the teacher of '
                              f'{expected[0]}x{expected[1]}; choose a teacher config of the same input size')
    return size


def _input_size(model: nn.Module) -> tuple[int, int] | None:
    size = getattr(getattr(model.head, 'decoder', None), 'input_size', None)
    return None if size is None else (int(size[0]), int(size[1]))


def _check_fields(term: str, role: str, model: nn.Module, fields: tuple[str, ...], outputs: PoseOutputs) -> None:
    missing = [field for field in fields if getattr(outputs, field) is None]
    if missing:
        raise DistilPoseError(
            f'term {term!r} needs {", ".join(missing)} of the {role}, whose {type(model.head).__name__} produces '
            f'{", ".join(outputs.produced())}; drop the term with {term}=None or choose another head')


def _check_heatmap_grid(teacher: Any, outputs: PoseOutputs, input_size: tuple[int, int]) -> None:
    if outputs.heatmaps is None:
        return
    height, width = outputs.heatmaps[-1].shape[-2:]
    declared = getattr(teacher.head.decoder, 'heatmap_size', None)
    if declared is not None and tuple(declared) != (width, height):
        raise DistilPoseError(f'the teacher draws heatmaps of {width}x{height} (width x height), its codec says '
                              f'{declared[0]}x{declared[1]}; make the teacher config agree with itself')
    if input_size[0] * height != input_size[1] * width:
        raise DistilPoseError(f"the teacher's heatmap grid of {width}x{height} does not have the shape of its input of "
                              f'{input_size[0]}x{input_size[1]} (width x height); both strides must be equal')
