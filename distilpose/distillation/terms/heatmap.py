"""Heatmap distillation: every stack of the student imitates the teacher's heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.distillation.schedules import require_numbers
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm


def heatmap_loss(stacks: Sequence[Tensor], target: Tensor, *, weights: Tensor) -> Tensor:
    """Half of the mean squared difference between heatmaps and a target, summed over stacks.

    Args:
        stacks: heatmaps of the student, each (B, K, H, W).
        target: (B, K, H, W) of the teacher.
        weights: (B, K) factors of the squared differences; the mean counts joints of weight 0 as zeros.

    Returns:
        A scalar (FPD, section 3.2; the half is that of the published implementation).
    """
    return 0.5 * torch.stack([((maps - target).square().mean((-2, -1)) * weights).mean() for maps in stacks]).sum()


@MODELS.register_module()
class HeatmapTerm(DistillationTerm):
    """:func:`heatmap_loss` between all stacks of the student and the teacher's last one.

    On labelled images it weighs a joint by the square of its ground-truth weight, as the published implementation
    does; an image without annotations has no such weights, and the teacher speaks of all of its joints. FPD with its
    alpha is ``labelled_weight=alpha`` beside a ``task_weight`` of ``1 - alpha``: what an unlabelled image costs is the
    teacher's part alone, in full (FPD, section 3.2).

    Args:
        labelled_weight: factor on images that have annotations.
        unlabelled_weight: factor on the others.
        **kwargs: as :class:`DistillationTerm`.
    """

    student_fields = teacher_fields = ('heatmaps',)

    def __init__(self, *, labelled_weight: float = 1.0, unlabelled_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_numbers('HeatmapTerm', labelled_weight=labelled_weight, unlabelled_weight=unlabelled_weight)
        if min(labelled_weight, unlabelled_weight) < 0:
            raise DistilPoseError(f'HeatmapTerm got labelled_weight={labelled_weight} and unlabelled_weight='
                                  f'{unlabelled_weight}; a factor of a distance cannot be negative')
        self.labelled_weight, self.unlabelled_weight = labelled_weight, unlabelled_weight

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """All heatmaps must be of one size."""
        assert student.heatmaps is not None and teacher.heatmaps is not None
        expected = _size(teacher.heatmaps[-1])
        found = next((size for size in map(_size, student.heatmaps) if size != expected), expected)
        if found == expected:
            return None
        return (f"the student's heatmaps are of {found[0]}x{found[1]} (width x height), the teacher's of "
                f'{expected[0]}x{expected[1]}; give both codecs the same input_size and heatmap_size, or drop the '
                'term with None')

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        assert student.heatmaps is not None and teacher.heatmaps is not None
        factors = torch.where(labels.labelled, self.labelled_weight, self.unlabelled_weight)
        weights = factors[:, None] * labels.taught().square()
        return heatmap_loss(student.heatmaps, teacher.heatmaps[-1], weights=weights)


def _size(heatmaps: Tensor) -> tuple[int, int]:
    return heatmaps.shape[-1], heatmaps.shape[-2]
