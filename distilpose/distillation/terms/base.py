"""What every distillation term is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from distilpose.distillation.schedules import build_schedule, require_numbers
from distilpose.structures import Labels, PoseOutputs


class DistillationTerm(nn.Module, ABC):
    """One loss between a student's and a teacher's outputs.

    A term says which fields of :class:`~distilpose.structures.PoseOutputs` it reads, so that a pair that lacks
    one is refused when the model is built. The distiller multiplies its value with ``weight`` and ``schedule``.

    Args:
        weight: factor of the loss.
        schedule: see :func:`~distilpose.distillation.schedules.build_schedule`.
        by_epoch: hold the scheduled factor constant within an epoch.

    Raises:
        DistilPoseError: the weight or a value of the schedule is not finite.
    """

    student_fields: tuple[str, ...] = ()
    teacher_fields: tuple[str, ...] = ()

    def __init__(self, *, weight: float = 1.0, schedule: str | dict | None = None, by_epoch: bool = False) -> None:
        super().__init__()
        require_numbers(type(self).__name__, weight=weight)
        self.weight = weight
        self.schedule = build_schedule(schedule)
        self.by_epoch = by_epoch

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """Why these outputs do not fit each other, in a sentence, or ``None``; called once, at build time."""
        return None

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Makes the parameters that depend on what both show for one image; called once, at build time."""

    @abstractmethod
    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """The unweighted loss, a scalar.

        Args:
            student: outputs in float32, with gradients.
            teacher: outputs in float32, without gradients.
            labels: what the annotations of the batch say; a term chooses the joints that it weighs.
        """
