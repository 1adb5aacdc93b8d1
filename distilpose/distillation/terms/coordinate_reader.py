"""Coordinates of student and teacher from whatever they predict, for the terms that compare coordinates."""

from __future__ import annotations

import torch
from torch import Tensor

from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid
from distilpose.distillation.schedules import require_numbers
from distilpose.distillation.teachers.decoding import coordinates_of
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm

FIELDS = ('coords', 'simcc', 'heatmaps')
_BETAS = dict(coords=1.0, simcc=1.0, heatmaps=25.0)


def expected_coordinates(outputs: PoseOutputs, field: str, *, beta: float, grid: HeatmapGrid = COMMON_GRID) -> Tensor:
    """Coordinates that a student predicts, with gradients.

    Coordinates are taken as they are. Distributions and heatmaps give the mean place of ``softmax(beta * value)``
    (integral regression, Sun et al., ECCV 2018). Bin or cell ``i`` of n is at the fraction ``i / n``; cells of another
    grid are where that grid has them.

    Args:
        outputs: of the student.
        field: ``'coords'``, ``'simcc'`` or ``'heatmaps'``, whose last ones count.
        beta: a factor; heatmaps, whose peak is 1, need a large one, or their background has most of the weight.
        grid: of the heatmaps.

    Returns:
        (B, K, 2).
    """
    if field == 'coords':
        assert outputs.coords is not None
        return outputs.coords
    if field == 'simcc':
        assert outputs.simcc is not None
        along = tuple((logits * beta).softmax(-1) for logits in outputs.simcc)
        start, reach = 0.0, tuple(float(share.shape[-1]) for share in along)
    else:
        assert outputs.heatmaps is not None
        maps = outputs.heatmaps[-1]
        shares = (maps * beta).flatten(2).softmax(-1).unflatten(-1, maps.shape[-2:])
        along = shares.sum(-2), shares.sum(-1)
        start, reach = grid.start, grid.reach((maps.shape[-1], maps.shape[-2]))
    return torch.stack([share @ ((torch.arange(share.shape[-1], dtype=share.dtype, device=share.device) - start) / far)
                        for share, far in zip(along, reach, strict=True)], dim=-1)


class CoordinateReader:
    """Reads the coordinates of both networks.

    Args:
        term: name of the term's class, for messages.
        student: the student output to read, one of :data:`FIELDS`; see :func:`expected_coordinates`.
        teacher: the teacher output, whose distributions and heatmaps are decoded at their peaks; see
            :func:`~distilpose.distillation.teachers.decoding.coordinates_of`. ``'auto'`` takes the first that there is.
        beta: see :func:`expected_coordinates`; by default 25 for heatmaps and 1 otherwise.

    Raises:
        DistilPoseError: an option is unknown.
    """

    def __init__(self, term: str, *, student: str, teacher: str, beta: float | None) -> None:
        for name, value, known in (('student', student, FIELDS), ('teacher', teacher, ('auto', *FIELDS))):
            if value not in known:
                raise DistilPoseError(f'{term} got {name}={value!r}; expected one of {known}')
        self.student, self.teacher = student, teacher
        self.beta = _BETAS[student] if beta is None else beta
        require_numbers(term, beta=self.beta)
        if self.beta <= 0:
            raise DistilPoseError(f'{term} got beta={beta}; expected a number above 0')

    @property
    def teacher_fields(self) -> tuple[str, ...]:
        """Of the term, before the teacher is known."""
        return () if self.teacher == 'auto' else (self.teacher,)

    def declared_by(self, term: DistillationTerm) -> None:
        """Sets the fields that a term reads, before the teacher is known."""
        term.student_fields, term.teacher_fields = (self.student,), self.teacher_fields

    def choose(self, term: DistillationTerm, teacher: PoseOutputs) -> None:
        """Adds the teacher output that is read to the fields of a term, beside that of its certainty."""
        term.teacher_fields = tuple(dict.fromkeys((*term.teacher_fields, str(self.field(teacher)))))

    def field(self, teacher: PoseOutputs) -> str | None:
        """The teacher output that is read; ``None`` where it has none of them."""
        if self.teacher != 'auto':
            return self.teacher
        return next((field for field in FIELDS if getattr(teacher, field) is not None), None)

    def mismatch(self, teacher: PoseOutputs) -> str | None:
        """The teacher must have coordinates, SimCC or heatmaps."""
        if self.field(teacher) is not None:
            return None
        return (f'the teacher predicts {", ".join(teacher.produced())}, from which coordinates cannot be decoded; '
                f'expected {", ".join(FIELDS)}')

    def read(self, term: DistillationTerm, student: PoseOutputs, teacher: PoseOutputs,
             labels: Labels) -> tuple[Tensor, Tensor, Tensor]:
        """(B, K, 2) of the student and of the teacher, and (B, K) weights, on the grids of a term."""
        target, has_place = self.target(teacher, grid=term.teacher_grid)
        return self.predicted(student, grid=term.student_grid), target, labels.distillation_weights() * has_place

    def predicted(self, student: PoseOutputs, *, grid: HeatmapGrid = COMMON_GRID) -> Tensor:
        """(B, K, 2) of the student, with gradients."""
        return expected_coordinates(student, self.student, beta=self.beta, grid=grid)

    def target(self, teacher: PoseOutputs, *, grid: HeatmapGrid = COMMON_GRID) -> tuple[Tensor, Tensor]:
        """(B, K, 2) of the teacher, and (B, K) whether they are inside the crop, where labels are, too.

        A heatmap without a peak is outside.
        """
        field = str(self.field(teacher))
        found = coordinates_of(PoseOutputs(**{field: getattr(teacher, field)}), grid=grid)
        return found, ((found >= 0) & (found <= 1)).all(-1)
