"""Heatmap-marginal distillation: SimCC logits imitate the sums of the teacher's heatmaps along either axis."""

from __future__ import annotations

from typing import Any

from mmpose.registry import MODELS
from torch import Tensor

from distilpose.distillation.schedules import require_numbers
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .simcc import check_weights, resample_bins, simcc_loss


def heatmap_marginals(heatmaps: Tensor, bins: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Distributions over the bins of both axes: heatmaps summed along the other one, interpolated, of sum 1.

    Cell ``i`` of W and bin ``j`` of n stand for the fractions ``i / W`` and ``j / n`` of the side, as in mmpose's
    ``MSRAHeatmap`` and in SimDR. What is below 0 counts as 0, and an empty heatmap gives zeros.

    Args:
        heatmaps: (B, K, H, W).
        bins: number of bins along x and y.

    Returns:
        (B, K, bins along x) and (B, K, bins along y).
    """
    positive = heatmaps.clamp(min=0)
    return resample_bins(positive.sum(dim=-2), bins[0]), resample_bins(positive.sum(dim=-1), bins[1])


@MODELS.register_module()
class HeatmapMarginalTerm(DistillationTerm):
    """The student's distributions over both axes imitate the marginals of the teacher's last heatmap.

    Kullback-Leibler divergences as in :class:`~distilpose.distillation.terms.simcc.SimCCTerm`.

    Args:
        beta: factor of the student's logits; the one in its task loss, 1 for SimDR's losses and 10 for RTMPose's.
        weights: ``'gt'``: labelled joints are supervised, and all joints of an image without annotations;
            ``'none'``: all joints.
        **kwargs: as :class:`DistillationTerm`.
    """

    student_fields = ('simcc',)
    teacher_fields = ('heatmaps',)

    def __init__(self, *, beta: float = 1.0, weights: str = 'gt', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_numbers('HeatmapMarginalTerm', beta=beta)
        check_weights(type(self).__name__, weights)
        self.beta, self.weights = beta, weights

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        assert student.simcc is not None and teacher.heatmaps is not None
        logits_x, logits_y = student.simcc
        target_x, target_y = heatmap_marginals(teacher.heatmaps[-1], (logits_x.shape[-1], logits_y.shape[-1]))
        weights = labels.distillation_weights() if self.weights == 'gt' else labels.mask
        return (simcc_loss(self.beta * logits_x, target_x, weights)
                + simcc_loss(self.beta * logits_y, target_y, weights))
