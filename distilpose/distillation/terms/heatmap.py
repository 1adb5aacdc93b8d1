"""Heatmap distillation: every stack of the student imitates the teacher's heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, move
from distilpose.distillation.schedules import require_numbers
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .simcc import check_weights

_COARSEST = 2  # teacher cells to one of the student: their usual sigma is 1.4 to 3 cells


def heatmap_loss(stacks: Sequence[Tensor], target: Tensor | Sequence[Tensor], *, weights: Tensor) -> Tensor:
    """Half of the mean squared difference between heatmaps and a target, summed over stacks.

    Args:
        stacks: heatmaps of the student, each (B, K, H, W).
        target: (B, K, H, W) of the teacher, or one for every stack.
        weights: (B, K) factors of the squared differences; the mean counts joints of weight 0 as zeros.

    Returns:
        A scalar (FPD, section 3.2; the half is that of the published implementation).
    """
    targets = [target] * len(stacks) if isinstance(target, Tensor) else target
    return 0.5 * torch.stack([((maps - expected).square().mean((-2, -1)) * weights).mean()
                              for maps, expected in zip(stacks, targets, strict=True)]).sum()


def targets_for(stacks: Sequence[Tensor], heatmaps: Tensor, *, source: HeatmapGrid = COMMON_GRID,
                target: HeatmapGrid = COMMON_GRID) -> list[Tensor]:
    """A teacher's heatmaps (B, K, H, W) on the grid of every stack; those of its size and grid are left alone.

    They are resampled once, see :func:`~distilpose.distillation.heatmap_grid.move`. A gaussian keeps its place, and its
    sigma as a fraction of the side.

    Args:
        stacks: heatmaps of the student, each (B, K, H, W).
        heatmaps: of the teacher.
        source: the teacher's grid.
        target: the student's.
    """
    sizes = [_size(maps) for maps in stacks]
    moved = {size: move(heatmaps, source, target, size=size) for size in set(sizes)}
    return [moved[size] for size in sizes]


def peaks_mismatch(student: PoseOutputs, teacher: PoseOutputs) -> str | None:
    """Why a teacher's heatmaps cannot be resampled to the student's, in a sentence, or ``None``."""
    assert student.heatmaps is not None and teacher.heatmaps is not None
    expected = _size(teacher.heatmaps[-1])
    found = next((size for size in map(_size, student.heatmaps) if not _keeps_peaks(size, expected)), None)
    if found is None:
        return None
    return (f"the student's heatmaps are of {found[0]}x{found[1]} (width x height), the teacher's of "
            f'{expected[0]}x{expected[1]}: more than {_COARSEST} times as fine, so that its peaks would be lost '
            'between cells; widen them with model.teacher.heatmap_sigma=1.5, give the student a larger heatmap_size, '
            'or drop the term with None')


@MODELS.register_module()
class HeatmapTerm(DistillationTerm):
    """:func:`heatmap_loss` between all stacks of the student and the teacher's last one.

    On labelled images a joint is weighted by the square of its ground-truth weight, as in the published implementation;
    on images without annotations all joints have the weight 1. FPD with its alpha is ``labelled_weight=alpha`` beside a
    ``task_weight`` of ``1 - alpha``; the loss of an unlabelled image is the teacher's part alone, in full (FPD, section
    3.2). Heatmaps of another size or grid than the student's are resampled.

    Args:
        labelled_weight: factor on images that have annotations.
        unlabelled_weight: factor on the others.
        weights: ``'gt'``: as above; ``'none'``: on labelled images all joints have the weight 1 too, also those that
            their data set does not annotate (a student of the keypoints of several data sets).
        **kwargs: as :class:`DistillationTerm`.
    """

    student_fields = teacher_fields = ('heatmaps',)
    squares_weights = True
    supports_grids = True

    def __init__(self, *, labelled_weight: float = 1.0, unlabelled_weight: float = 1.0, weights: str = 'gt',
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_weights(type(self).__name__, weights)
        self.weights = weights
        require_numbers('HeatmapTerm', labelled_weight=labelled_weight, unlabelled_weight=unlabelled_weight)
        if min(labelled_weight, unlabelled_weight) < 0:
            raise DistilPoseError(f'HeatmapTerm got labelled_weight={labelled_weight} and unlabelled_weight='
                                  f'{unlabelled_weight}; a factor of a distance cannot be negative')
        self.labelled_weight, self.unlabelled_weight = labelled_weight, unlabelled_weight

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The student's cells must not skip the teacher's peaks."""
        return peaks_mismatch(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        assert student.heatmaps is not None and teacher.heatmaps is not None
        factors = torch.where(labels.labelled, self.labelled_weight, self.unlabelled_weight)
        if self.weights == 'none':
            labels = labels._replace(weights=torch.ones_like(labels.weights))
        weights = factors[:, None] * labels.distillation_weights().square()
        targets = targets_for(student.heatmaps, teacher.heatmaps[-1], source=self.teacher_grid,
                              target=self.student_grid)
        return heatmap_loss(student.heatmaps, targets, weights=weights)


def _size(heatmaps: Tensor) -> tuple[int, int]:
    return heatmaps.shape[-1], heatmaps.shape[-2]


def _keeps_peaks(found: tuple[int, int], expected: tuple[int, int]) -> bool:
    return all(teacher <= _COARSEST * student for student, teacher in zip(found, expected, strict=True))
