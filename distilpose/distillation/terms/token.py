"""Token distillation: the student's tokens imitate the teacher's."""

from __future__ import annotations

from typing import Any

from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm


@MODELS.register_module()
class TokenTerm(DistillationTerm):
    """Mean squared error between raw last-layer tokens, over all of them, labelled or not.

    The token-distilling encoder of DistilPose (Ye et al., CVPR 2023, section 3.2).

    Args:
        tokens: ``'visual'`` (B, P, D) or ``'keypoint'`` (B, K, D).
        **kwargs: as :class:`DistillationTerm`.
    """

    weighs_joints = False

    def __init__(self, tokens: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if tokens not in ('visual', 'keypoint'):
            raise DistilPoseError(f"TokenTerm got tokens={tokens!r}; expected 'visual' or 'keypoint'")
        self.field = f'{tokens}_tokens'
        self.student_fields = self.teacher_fields = (self.field,)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """Both must have the same number of tokens of the same width."""
        found, expected = (tuple(getattr(outputs, self.field).shape[1:]) for outputs in (student, teacher))
        if found == expected:
            return None
        return (f'the student has {found[0]} {self.field} of width {found[1]}, the teacher {expected[0]} of width '
                f'{expected[1]}; give both encoders the same patch grid and dim, or drop the term with None')

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        return F.mse_loss(getattr(student, self.field), getattr(teacher, self.field))
