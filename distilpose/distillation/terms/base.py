"""Distillation term: the base class of all losses between student and teacher outputs."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid
from distilpose.distillation.schedules import build_schedule, require_numbers
from distilpose.distillation.teachers.decoding import certainty_of
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

_CERTAINTIES = ('scores', 'heatmaps', 'simcc')
"""Teacher outputs with a confidence, in order of preference."""


class DistillationTerm(nn.Module, ABC):
    """One loss between a student's and a teacher's outputs.

    A term declares which fields of :class:`~distilpose.structures.PoseOutputs` it reads: a pair without one of them is
    refused when the model is built. The distiller multiplies the loss with ``weight`` and ``schedule``.

    Args:
        weight: factor of the loss.
        schedule: see :func:`~distilpose.distillation.schedules.build_schedule`.
        by_epoch: hold the scheduled factor constant within an epoch.
        certainty: ``'soft'`` multiplies the loss of a joint with the teacher's confidence (the peak of its heatmap, its
            score, or the probability around the peak of its SimCC distribution, see
            :func:`~distilpose.distillation.teachers.decoding.certainty_of`); a number in (0, 1] is a threshold below
            which joints are left out; ``None``, as in all published methods: every joint counts.

    Raises:
        DistilPoseError: the weight or a value of the schedule is not finite, or the certainty is something else.
    """

    student_fields: tuple[str, ...] = ()
    teacher_fields: tuple[str, ...] = ()
    student_layers: tuple[str, ...] = ()
    """Names of the student's layers that it reads from ``PoseOutputs.layers``, see
    :class:`~distilpose.distillation.terms.FeaturePair`."""
    teacher_layers: tuple[str, ...] = ()
    """As ``student_layers``, of the teacher."""
    supports_grids = False
    """Whether it handles heatmaps on the grids below; other terms only get heatmaps on the common grid."""
    student_grid: HeatmapGrid = COMMON_GRID
    """Of the student's heatmaps; set when the model is built."""
    teacher_grid: HeatmapGrid = COMMON_GRID
    """Of the teacher's."""
    weighs_joints = True
    """Whether it reads the weights of joints."""
    reads_coordinates = False
    """Whether it has an option ``student``, the output of the student whose coordinates it compares."""
    squares_weights = False
    """Whether these weights are squared, as in published code."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if 'knows_grids' in cls.__dict__:
            warnings.warn(f'{cls.__name__}.knows_grids is now supports_grids', DeprecationWarning, stacklevel=2)
            cls.supports_grids = cls.__dict__['knows_grids']

    def __init__(self, *, weight: float = 1.0, schedule: str | dict | None = None, by_epoch: bool = False,
                 certainty: str | float | None = None) -> None:
        super().__init__()
        require_numbers(type(self).__name__, weight=weight)
        self.weight = weight
        self.schedule = build_schedule(schedule)
        self.by_epoch = by_epoch
        self.certainty = self._checked(certainty)
        self.certainty_field: str | None = None
        self.certainty_beta = 1.0

    def _checked(self, certainty: str | float | None) -> str | float | None:
        name = type(self).__name__
        if certainty is None or certainty == 'soft':
            pass
        elif isinstance(certainty, (bool, str)) or not isinstance(certainty, (int, float)) or not 0 < certainty <= 1:
            raise DistilPoseError(f"{name} got certainty={certainty!r}; expected 'soft', a threshold in (0, 1] or None")
        if certainty is not None and not self.weighs_joints:
            raise DistilPoseError(f'{name} got certainty={certainty!r}, and does not compare joint by joint; drop it')
        return certainty

    def choose_certainty(self, teacher: PoseOutputs, *, beta: float = 1.0) -> str | None:
        """Chooses the teacher output that gives the confidence of a joint; called once, at build time.

        Args:
            teacher: outputs for one image.
            beta: what the loss that the teacher was trained with multiplies its SimCC logits with.

        Returns:
            Why there is nothing to choose, in a sentence, or ``None``.
        """
        if self.certainty is None:
            return None
        found = next((name for name in _CERTAINTIES if getattr(teacher, name) is not None), None)
        if found is None:
            return (f'certainty={self.certainty!r} needs {", ".join(_CERTAINTIES[:-1])} or {_CERTAINTIES[-1]} of the '
                    f'teacher, which predicts {", ".join(teacher.produced())}; drop certainty')
        self.certainty_field, self.certainty_beta = found, beta
        self.teacher_fields = tuple(dict.fromkeys((*self.teacher_fields, found)))
        return None

    def weigh(self, labels: Labels, teacher: PoseOutputs) -> Labels:
        """The labels with the teacher's confidence in their mask, which multiplies the loss of a joint.

        It has no gradient: a student that is its own teacher would learn to be unsure.
        """
        if self.certainty_field is None:
            return labels
        outputs = PoseOutputs(**{self.certainty_field: getattr(teacher, self.certainty_field)})
        factors = certainty_of(outputs, beta=self.certainty_beta).detach()
        if self.certainty != 'soft':
            factors = (factors >= float(self.certainty or 0)).to(factors.dtype)
        elif self.squares_weights:
            factors = factors.sqrt()
        return labels._replace(mask=factors if labels.mask is None else labels.mask * factors)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """Why these outputs do not fit each other, in a sentence, or ``None``; called once, at build time."""
        return None

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Makes the parameters whose shapes depend on both outputs, of one image; called once, at build time."""

    @abstractmethod
    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """The unweighted loss, a scalar.

        Args:
            student: outputs in float32, with gradients.
            teacher: outputs in float32, without gradients.
            labels: keypoint weights of the batch, see :meth:`~distilpose.structures.Labels.distillation_weights`.
        """
