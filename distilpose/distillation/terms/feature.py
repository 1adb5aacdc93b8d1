"""Feature distillation: the student's last feature map imitates the teacher's."""

from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm


def feature_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared difference summed over channels and pixels, the mean over samples.

    The feature loss of DWPose's first stage (Yang et al., ICCV workshops 2023) without its factor alpha, which is the
    term's weight: 7e-5 in the published code. Being a sum, it weighs maps of twice the pixels twice as much.

    Args:
        student: (B, C, H, W).
        teacher: of the same shape.

    Returns:
        A scalar.
    """
    return F.mse_loss(student, teacher, reduction='sum') / len(student)


@MODELS.register_module()
class FeatureTerm(DistillationTerm):
    """:func:`feature_loss` between the last feature maps, the inputs of both heads, labelled or not.

    Where the numbers of channels differ, a projector (a 1x1 convolution with bias) maps the student's to the teacher's.
    It is trained with the student and dropped after the training.
    """

    student_fields = teacher_fields = ('features',)
    weighs_joints = False

    projector: nn.Module

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """Both maps must have the same height and width."""
        found, expected = _last_map(student).shape[2:], _last_map(teacher).shape[2:]
        if found == expected:
            return None
        return (f"the student's last feature map is {found[1]}x{found[0]} (width x height), the teacher's "
                f'{expected[1]}x{expected[0]}; give both the same input size and stride, or drop the term with None')

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Makes the projector, as torch initialises a convolution."""
        source, target = _last_map(student), _last_map(teacher)
        if source.shape[1] == target.shape[1]:
            self.projector = nn.Identity()
        else:
            self.projector = nn.Conv2d(source.shape[1], target.shape[1], 1, device=source.device)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        return feature_loss(self.projector(_last_map(student)), _last_map(teacher))


def _last_map(outputs: PoseOutputs) -> Tensor:
    assert outputs.features is not None  # checked when the pair was made
    return outputs.features[-1]
