"""Score distillation: the student's score follows the teacher's heatmap at the student's predicted coordinates."""

from __future__ import annotations

from typing import Any

from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm

SCORE_INDICES = ('heatmap', 'official')


def score_loss(scores: Tensor, coords: Tensor, heatmaps: Tensor, *, weights: Tensor,
               index: str = 'heatmap') -> Tensor:
    """Mean absolute difference between scores and the heatmap read at the predicted spot.

    Args:
        scores: (B, K, 1) confidences of the student.
        coords: (B, K, 2) its coordinates in [0, 1]; no gradient flows into them.
        heatmaps: (B, K, H, W) of the teacher.
        weights: (B, K); the mean counts joints of weight 0 as zeros.
        index: ``'heatmap'`` reads the pixel ``round(p * W)`` at which a heatmap with its joint there has its
            peak; ``'official'`` reads ``round(p * (W - 1))`` as the published implementation does, which is up
            to a pixel too far left and up.

    Returns:
        A scalar (DistilPose, section 3.3).
    """
    height, width = heatmaps.shape[-2:]
    last = 0 if index == 'heatmap' else 1
    column, row = ((place * (count - last)).round().long().clamp(0, count - 1)  # numbers, which wait for no device
                   for place, count in zip(coords.detach().unbind(dim=-1), (width, height), strict=True))
    confidence = heatmaps.flatten(2).gather(2, (row * width + column).unsqueeze(-1))
    return F.l1_loss(scores * weights.unsqueeze(-1), confidence * weights.unsqueeze(-1))


@MODELS.register_module()
class ScoreTerm(DistillationTerm):
    """:func:`score_loss` between the student's scores and the teacher's last heatmap.

    Args:
        index: see :func:`score_loss`.
        **kwargs: as :class:`DistillationTerm`.
    """

    student_fields = ('scores', 'coords')
    teacher_fields = ('heatmaps',)

    def __init__(self, *, index: str = 'heatmap', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if index not in SCORE_INDICES:
            raise DistilPoseError(f'ScoreTerm got index={index!r}; expected one of {SCORE_INDICES}')
        self.index = index

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        assert student.scores is not None and student.coords is not None and teacher.heatmaps is not None
        return score_loss(student.scores, student.coords, teacher.heatmaps[-1], weights=labels.distillation_weights(),
                          index=self.index)
