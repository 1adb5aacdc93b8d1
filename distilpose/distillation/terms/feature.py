"""Feature distillation: a layer of the student, by default its last feature map, imitates one of the teacher."""

from __future__ import annotations

from typing import Any

from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .feature_pair import FeaturePair


def feature_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared difference summed over channels and pixels, the mean over samples.

    The feature loss of DWPose's first stage (Yang et al., ICCV workshops 2023) without its factor alpha, which is the
    term's weight: 7e-5 in the published code. Being a sum, it weighs maps of twice the pixels twice as much.

    Args:
        student: (B, C, H, W), or (B, ...) of other layers.
        teacher: of the same shape.

    Returns:
        A scalar.
    """
    return F.mse_loss(student, teacher, reduction='sum') / len(student)


@MODELS.register_module()
class FeatureTerm(DistillationTerm):
    """:func:`feature_loss` between two layers, by default the last feature maps that both heads take, labelled or not.

    Where the numbers of channels differ, a projector maps the student's to the teacher's; it is trained with the
    student and dropped after the training. Where the sizes of maps differ, one of them is resampled. See
    :mod:`~distilpose.distillation.terms.projector`.

    Args:
        student_layer: name of a layer of the student; ``None``: the last map that its head takes.
        teacher_layer: as ``student_layer``, of the teacher.
        resize: which map is resampled where sizes differ.
        **kwargs: as :class:`DistillationTerm`.
    """

    weighs_joints = False
    projector: nn.Module

    def __init__(self, *, student_layer: str | None = None, teacher_layer: str | None = None,
                 resize: str = 'larger', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pair = FeaturePair(student_layer, teacher_layer, resize=resize,
                                takes=('maps', 'tokens', 'vectors')).declared_by(self)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """Both layers must be of one kind, and maps of one aspect ratio."""
        return self.pair.mismatch(student, teacher)

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Makes the projector."""
        self.projector = self.pair.make_projector(student, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        one, other = self.pair.read(student, teacher)
        return feature_loss(self.projector(one), other)
