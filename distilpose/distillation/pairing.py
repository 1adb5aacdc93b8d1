"""Checks of a student-teacher pair at build time: outputs, keypoints, shapes and heatmap grids fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmpose.codecs import UDPHeatmap
from torch import nn

from distilpose.errors import DistilPoseError
from distilpose.models import read_outputs
from distilpose.models.modes import eval_mode
from distilpose.models.recording import recorded_pass
from distilpose.structures import PoseOutputs

from .heatmap_grid import COMMON_GRID, COMMON_GRIDS, HeatmapGrids, describe_codec, grid_of
from .image_adapter import input_size
from .layers import Layers, with_layers
from .own_crop import OwnCrop, refuse_unmapped
from .teachers.base import Teacher
from .teachers.keypoint_map import HINT, KeypointMap, keypoint_count
from .terms import DistillationTerm
from .widening import HeatmapWidening


def check_pair(student: Any, teacher: Teacher, terms: Mapping[str, DistillationTerm], *,
               to_teacher: nn.Module, student_names: tuple[str, ...] | None = None,
               keypoint_map: KeypointMap | None = None, own_crop: OwnCrop | None = None,
               grids: HeatmapGrids = COMMON_GRIDS, widening: HeatmapWidening | None = None,
               layers: Layers | None = None) -> None:
    """Runs both networks once on an empty image and compares their outputs.

    Args:
        student: a plain estimator.
        teacher: its teacher.
        terms: by name; prepared with both outputs, see :meth:`DistillationTerm.prepare`, and the grids.
        to_teacher: from :func:`~distilpose.distillation.image_adapter.adapter_between`.
        student_names: names of its keypoints in order, ``None`` if unknown.
        keypoint_map: from the teacher's keypoints to the student's.
        own_crop: of the teacher, where it has one.
        grids: from :func:`choose_grids`; those of ``own_crop`` where there is one.
        widening: of the teacher's heatmaps.
        layers: of the student, that terms read.

    Raises:
        DistilPoseError: names what was found, what was expected and what to change.
    """
    if keypoint_map is None:
        _check_keypoint_order(student_names, teacher.keypoint_names)
    width, height = student_size(student, teacher)
    images = torch.zeros(1, 3, height, width)
    with torch.no_grad():
        found = student_outputs(student, images.to(_device(student)), layers)
    if own_crop is None:
        expected = teacher_outputs(teacher, to_teacher(images), grids)
        _check_heatmap_grid(teacher, expected, (width, height))
        expected = _mapped(expected, keypoint_map, terms)
        expected = expected if widening is None else widening.on_student(expected)
    else:
        refuse_unmapped(terms, own_crop)
        crops = own_crop.read(None, images.device)
        expected = teacher_outputs(teacher, own_crop.normalise(crops.images), grids)
        _check_heatmap_grid(teacher, expected, own_crop.size)
        expected = own_crop.to_student(_mapped(expected, keypoint_map, terms), crops)
    check_terms(student, found, expected, terms, grids=grids, beta=teacher.simcc_beta, owner=teacher.name)


def check_terms(student: Any, found: PoseOutputs, expected: PoseOutputs, terms: Mapping[str, DistillationTerm], *,
                grids: HeatmapGrids, beta: float, owner: str) -> None:
    """Compares outputs of a student and a teacher for one image, and prepares the terms that read them.

    Args:
        student: a plain estimator.
        found: its outputs.
        expected: of the teacher, for the student's keypoints and crop.
        terms: by name.
        grids: of the heatmaps.
        beta: factor of the teacher's SimCC logits.
        owner: of the teacher's outputs, for messages.

    Raises:
        DistilPoseError: as :func:`check_pair`.
    """
    for name, term in terms.items():
        _check_fields(name, 'student', type(student.head).__name__, term.student_fields, found)
        _check_fields(name, 'teacher', owner, term.teacher_fields, expected)
        _check_grids(name, student, term, grids)
        term.student_grid, term.teacher_grid = grids.student, grids.target
    _check_keypoint_count(found, expected)
    for name, term in terms.items():
        reason = term.mismatch(found, expected) or term.choose_certainty(expected, beta=beta)
        if reason:
            raise DistilPoseError(f'term {name!r}: {reason}')
        term.prepare(found, expected)


def choose_grids(student: Any, teacher: Teacher, terms: Mapping[str, DistillationTerm]) -> HeatmapGrids:
    """The grids on which the heatmaps of a pair are compared.

    The teacher's come on the common grid, unless a term reads those of a student on another one. Then they stay on
    the teacher's own, from which the term moves them to the student's; where both are the same, that leaves them as
    they are. (Those of a crop of its own are brought to the student's grid with the crop.)

    Args:
        student: a plain estimator; its codec has its grid.
        teacher: its teacher.
        terms: by name.
    """
    grid = grid_of(getattr(student.head, 'decoder', None))
    if grid in (None, COMMON_GRID) or not any('heatmaps' in term.student_fields for term in terms.values()):
        return COMMON_GRIDS
    return HeatmapGrids(grid, teacher=teacher.heatmap_grid, target=teacher.heatmap_grid)


def teacher_outputs(teacher: Teacher, images: torch.Tensor, grids: HeatmapGrids) -> PoseOutputs:
    """The outputs of a teacher for images (B, 3, H, W), with heatmaps on ``grids.teacher``."""
    return teacher.outputs(images, own_grid=True) if grids.keeps_own_grid else teacher.outputs(images)


def student_outputs(student: Any, images: torch.Tensor, layers: Layers | None = None) -> PoseOutputs:
    """The outputs of a student in eval mode, for images (B, 3, H, W) on its device; its mode is restored.

    Args:
        student: a plain estimator.
        images: see above.
        layers: of it, that the outputs shall have.
    """
    with eval_mode(student):
        (features, prediction), recorded = (layers or Layers(student)).record(lambda: recorded_pass(student, images))
    return with_layers(read_outputs(student.head, prediction, features), recorded)


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _check_keypoint_order(student: tuple[str, ...] | None, teacher: tuple[str, ...] | None) -> None:
    if student is None or teacher is None or student == teacher:
        return
    if len(student) != len(teacher):
        raise DistilPoseError(f'the student predicts {len(student)} keypoints, the teacher {len(teacher)}; '
                              f'both must be trained on the same keypoint definition. {HINT}')
    index = next(i for i, pair in enumerate(zip(student, teacher, strict=True)) if pair[0] != pair[1])
    raise DistilPoseError(f'keypoint {index} is {student[index]!r} for the student and {teacher[index]!r} for the '
                          f'teacher; both must be trained on the same keypoint definition. {HINT}')


def _mapped(outputs: PoseOutputs, keypoint_map: KeypointMap | None,
            terms: Mapping[str, DistillationTerm]) -> PoseOutputs:
    """Teacher outputs for the student's keypoints; refuses terms that read a field which the map drops."""
    if keypoint_map is None:
        return outputs
    keypoint_map.check_count(keypoint_count(outputs))
    mapped = keypoint_map(outputs)
    lost = set(outputs.produced()) - set(mapped.produced())
    for name, term in terms.items():
        for field in sorted(lost & set(term.teacher_fields)):
            raise DistilPoseError(f'term {name!r} compares {field} one for one, and model.teacher.keypoints gives '
                                  f'{", ".join(keypoint_map.not_exact()[:4])} none or two; drop the term with '
                                  f'{name}=None')
    return mapped


def _check_keypoint_count(student: PoseOutputs, teacher: PoseOutputs) -> None:
    found, expected = keypoint_count(student), keypoint_count(teacher)
    if None not in (found, expected) and found != expected:
        raise DistilPoseError(f'the student predicts {found} keypoints, the teacher {expected}; set the number of '
                              f'keypoints of the student head to that of the teacher. {HINT}')


def count_keypoints(student: Any, teacher: Teacher) -> int | None:
    """Number of keypoints of a student, from its outputs for an empty image."""
    width, height = student_size(student, teacher)
    with torch.no_grad():
        return keypoint_count(student_outputs(student, torch.zeros(1, 3, height, width, device=_device(student))))


def student_size(student: nn.Module, teacher: Teacher) -> tuple[int, int]:
    """(width, height) of the student's images; where its codec has no input size, that of the teacher's.

    Raises:
        DistilPoseError: neither has one.
    """
    size = input_size(student) or teacher.input.size
    if size is None:
        raise DistilPoseError('neither the student nor the teacher has an input size; give one of their heads a '
                              'decoder (an mmpose codec with input_size)')
    return size


def _check_fields(term: str, role: str, owner: str, fields: tuple[str, ...], outputs: PoseOutputs) -> None:
    missing = [field for field in fields if getattr(outputs, field) is None]
    if missing:
        raise DistilPoseError(
            f'term {term!r} needs {", ".join(missing)} of the {role}, whose {owner} produces '
            f'{", ".join(outputs.produced())}; {_remedy(term, role, missing, outputs)}')


def _check_grids(term: str, student: Any, reader: DistillationTerm, grids: HeatmapGrids) -> None:
    decoder = getattr(student.head, 'decoder', None)
    if 'heatmaps' in reader.student_fields and grid_of(decoder) is None:
        remedy = "heatmap_type='gaussian'" if isinstance(decoder, UDPHeatmap) else 'one of these'
        raise DistilPoseError(
            f'term {term!r} compares heatmaps of MSRAHeatmap, UDPHeatmap (gaussian) or TokenPoseHeatmap, and the '
            f'student draws those of {describe_codec(decoder)}; give the codec of its head and its data {remedy}')
    reads = 'heatmaps' in (*reader.student_fields, *reader.teacher_fields)
    if reads and not reader.supports_grids and grids != COMMON_GRIDS:
        raise DistilPoseError(
            f'term {term!r} ({type(reader).__name__}) reads heatmaps of the grid of MSRAHeatmap only, and the student '
            f'draws those of {describe_codec(decoder)}; drop the term with {term}=None, or give the head of the '
            'student and its data an MSRAHeatmap')


def _remedy(term: str, role: str, missing: list[str], outputs: PoseOutputs) -> str:
    if role == 'teacher' and missing == ['heatmaps'] and outputs.simcc is not None:
        return 'let it draw heatmaps with model.teacher.heatmaps=dict(size=(48, 64), sigma=2)'
    return f'drop the term with {term}=None or choose another head'


def _check_heatmap_grid(teacher: Teacher, outputs: PoseOutputs, crop: tuple[int, int]) -> None:
    if outputs.heatmaps is None:
        return
    height, width = outputs.heatmaps[-1].shape[-2:]
    declared = teacher.heatmap_size
    if declared is not None and declared != (width, height):
        raise DistilPoseError(f'the teacher predicts heatmaps of {width}x{height} (width x height), its codec has '
                              f'heatmap_size {declared[0]}x{declared[1]}; make both equal in the config of the teacher')
    if crop[0] * height != crop[1] * width:
        raise DistilPoseError(f"the teacher's heatmap grid of {width}x{height} does not have the shape of its input of "
                              f'{crop[0]}x{crop[1]} (width x height); both strides must be equal')
