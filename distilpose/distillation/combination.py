"""Combination of the teachers of one student: which outputs it has, on which heatmap grid, and which terms read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from distilpose.config.named_teachers import entry_of
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

from .combining import FIELDS, combine, common_fields, confidence_weights, expert_ranks, expert_weights, mean_weights
from .expert_joints import read_joints
from .heatmap_grid import COMMON_GRID, HeatmapGrid, HeatmapGrids, move
from .layers import Layers
from .paired_teacher import PairedTeacher
from .pairing import check_terms, choose_grids, student_outputs, student_size
from .teachers.keypoint_map import any_joints, keypoint_count
from .terms import DistillationTerm


class TeacherFacts(NamedTuple):
    """What a combination knows of a teacher."""

    grid: HeatmapGrid
    """Of its heatmaps."""
    simcc_beta: float
    """Factor of the SimCC logits in its training loss."""


class Combination(nn.Module):
    """Combines the outputs of the teachers that ran in an iteration.

    Args:
        rule: one of :data:`RULES`.
        teachers: all teachers by name.
        ranks: (T, K) for ``'expert'``.
        grid: of the combined heatmaps.
        size: (width, height) of the combined heatmaps, ``None`` where there are none.
        fields: that all teachers have; others are not combined, also where only teachers that have them run.
    """

    ranks: Tensor | None

    def __init__(self, rule: str, teachers: Mapping[str, TeacherFacts], *, ranks: Tensor | None = None,
                 grid: HeatmapGrid = COMMON_GRID, size: tuple[int, int] | None = None,
                 fields: Sequence[str] = FIELDS) -> None:
        super().__init__()
        self.rule, self.teachers, self.grid, self.size = rule, dict(teachers), grid, size
        self.fields = tuple(fields)
        self.register_buffer('ranks', ranks, persistent=False)

    @property
    def simcc_beta(self) -> float:
        """Factor of the combined SimCC logits: that of the first teacher."""
        return next(iter(self.teachers.values())).simcc_beta

    @torch.no_grad()
    def forward(self, outputs: Mapping[str, PoseOutputs], factors: Mapping[str, float]) -> PoseOutputs:
        """The combined outputs, in float32.

        Args:
            outputs: of the teachers that ran, at least one, in float32 and in the order of all.
            factors: weight times schedule of these.
        """
        names = list(outputs)
        device = any_joints(outputs[names[0]]).device
        with torch.autocast(device.type, enabled=False):
            aligned = [self._aligned(outputs[name], self.teachers[name].grid) for name in names]
            betas = [self.teachers[name].simcc_beta for name in names]
            weights = self._weights(names, aligned, [factors[name] for name in names], betas)
            return combine(aligned, weights, betas=betas, beta=self.simcc_beta, fields=self.fields)

    def _weights(self, names: Sequence[str], outputs: Sequence[PoseOutputs], factors: Sequence[float],
                 betas: Sequence[float]) -> Tensor:
        if self.ranks is not None:
            places = list(self.teachers)
            return expert_weights(outputs, torch.stack([self.ranks[places.index(name)] for name in names]))
        if self.rule == 'confidence':
            return confidence_weights(outputs, factors, betas=betas)
        return mean_weights(outputs, factors)

    def _aligned(self, outputs: PoseOutputs, grid: HeatmapGrid) -> PoseOutputs:
        """Outputs with heatmaps on the combined grid."""
        if outputs.heatmaps is None or self.size is None:
            return outputs
        return outputs._replace(heatmaps=(move(outputs.heatmaps[-1], grid, self.grid, size=self.size),))


def combine_teachers(rule: str, student: Any, teachers: Mapping[str, PairedTeacher],
                     terms: Mapping[str, DistillationTerm], *, names: Sequence[str] | None,
                     layers: Layers) -> Combination:
    """Makes the combination of all teachers, and checks it with the terms that read it.

    Args:
        rule: one of :data:`~distilpose.distillation.combining.RULES`.
        student: a plain estimator.
        teachers: by name.
        terms: by name, of ``model.terms``.
        names: of the student's keypoints in order, ``None`` if unknown.
        layers: of the student, that terms read.

    Raises:
        DistilPoseError: a term reads what is not combined or what not all teachers have, an expert has none of its
            joints, or the combined outputs do not fit the student's.
    """
    first = next(iter(teachers.values()))
    width, height = student_size(student, first.teacher)
    images = torch.zeros(1, 3, height, width, device=next(student.parameters()).device)
    with torch.no_grad():
        found = student_outputs(student, images, layers)
        outputs = {name: paired.run(images) for name, paired in teachers.items()}
    _check_fields(terms, outputs)
    grid = choose_grids(student, first.teacher, terms).student
    facts = {name: TeacherFacts(paired.grids.target, paired.teacher.simcc_beta) for name, paired in teachers.items()}
    ranks = None
    if rule == 'expert':
        count = keypoint_count(next(iter(outputs.values()))) or 0
        ranks = expert_ranks([_joints(paired, names=names, count=count) for paired in teachers.values()], count)
    combination = Combination(rule, facts, ranks=ranks, grid=grid, size=_heatmap_size(found, outputs.values()),
                              fields=common_fields(list(outputs.values())))
    for name, one in outputs.items():
        for label, term in terms.items():
            reason = term.mismatch(found, one)
            if reason:
                raise DistilPoseError(f'term {label!r} and {entry_of(name)}: {reason}')
    check_terms(student, found, combination.to(images.device)(outputs, dict.fromkeys(outputs, 1.0)), terms,
                grids=HeatmapGrids(grid, grid, grid), beta=combination.simcc_beta, owner='combination of teachers')
    return combination


def _check_fields(terms: Mapping[str, DistillationTerm], outputs: Mapping[str, PoseOutputs]) -> None:
    """Refuses terms that read what cannot be combined, or what not all teachers have."""
    produced = '; '.join(f'{name}: {", ".join(one.produced())}' for name, one in outputs.items())
    first = next(iter(outputs))
    for label, term in terms.items():
        alone = [field for field in term.teacher_fields if field not in FIELDS]
        if alone:
            raise DistilPoseError(f'term {label!r} reads {", ".join(alone)}, and those of several teachers are not '
                                  f'combined; move the term to the teacher that it is meant for, such as '
                                  f'model.teachers.{first}.terms.{label}')
        missing = [(field, name) for field in term.teacher_fields for name, one in outputs.items()
                   if getattr(one, field) is None]
        if missing:
            field, name = missing[0]
            draws = field == 'heatmaps' and outputs[name].simcc is not None
            raise DistilPoseError(f'term {label!r} reads the {field} of all teachers, and model.teachers.{name} has '
                                  f'none ({produced}); '
                                  + (f'let it draw them with model.teachers.{name}.heatmaps=dict(size=(48, 64), '
                                     'sigma=2), or ' if draws else '')
                                  + f'move the term to a teacher, such as model.teachers.{first}.terms.{label}')
    if not common_fields(list(outputs.values())):
        raise DistilPoseError(f'the teachers of model.teachers have no output in common that can be combined '
                              f'({produced}); move the terms of model.terms to a teacher, such as '
                              f'model.teachers.{first}.terms')


def _joints(paired: PairedTeacher, *, names: Sequence[str] | None, count: int) -> tuple[int, ...]:
    """Those that a teacher is the expert of; at least one of them is among those it predicts."""
    entry = f'{entry_of(paired.name)}.joints'
    joints = read_joints(paired.spec.get('joints'), names=names, count=count, entry=entry)
    partners = None if paired.keypoint_map is None else paired.keypoint_map.partners
    if joints and partners is not None and not any(partners[index] for index in joints):
        raise DistilPoseError(f'{entry} is {paired.spec["joints"]!r}, and the teacher predicts none of these '
                              f'keypoints; {paired.keypoint_map.describe()}')  # type: ignore[union-attr]
    return joints


def _heatmap_size(student: PoseOutputs, teachers: Iterable[PoseOutputs]) -> tuple[int, int] | None:
    """(width, height) of the combined heatmaps: the student's, or the largest of the teachers'."""
    maps = [student.heatmaps[-1]] if student.heatmaps is not None else [
        one.heatmaps[-1] for one in teachers if one.heatmaps is not None]
    sizes = [(one.shape[-1], one.shape[-2]) for one in maps]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)
