"""Bone distillation: relative lengths of the bones of a skeleton, and the angles between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from distilpose.distillation.schedules import require_weights
from distilpose.distillation.teachers.keypoint_names import read_skeleton
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .coordinate_reader import CoordinateReader
from .relational import directions, relative_lengths


def bone_vectors(coords: Tensor, bones: Tensor) -> Tensor:
    """(B, K, 2) coordinates and (N, 2) indices of joints to (B, N, 2): from the first joint of a bone to the second.

    The bone representation of compositional pose regression (Sun et al., ICCV 2017).
    """
    return coords[:, bones[:, 1]] - coords[:, bones[:, 0]]


def bone_length_loss(student: Tensor, teacher: Tensor, *, weights: Tensor) -> Tensor:
    """Huber distance between relative lengths: those of a person's bones divided by their mean.

    The distance-wise potential of RKD (Park et al., CVPR 2019, section 3.2) on bones instead of pairs of samples,
    a choice of this project.

    Args:
        student: (B, N, 2) bone vectors.
        teacher: (B, N, 2).
        weights: (B, N); bones of weight 0 count as zeros in the mean.

    Returns:
        A scalar, the mean over B and N.
    """
    found, expected = (relative_lengths(vectors, weights) for vectors in (student, teacher))
    return (F.smooth_l1_loss(found, expected, reduction='none') * weights).mean()


def bone_angle_loss(student: Tensor, teacher: Tensor, *, weights: Tensor) -> Tensor:
    """Huber distance between the cosines of the angles between any two bones of a person.

    The angle-wise potential of RKD (Park et al., CVPR 2019, section 3.2) on bones. A bone that is shorter than a
    thousandth of the mean, in one of the networks, has no angle and no gradient.

    Args:
        student: (B, N, 2) bone vectors.
        teacher: (B, N, 2).
        weights: (B, N); a pair has the product of its two, and pairs of weight 0 count as zeros in the mean.

    Returns:
        A scalar, the mean over B and N x N pairs.
    """
    (found, is_long), (expected, is_long_too) = (directions(vectors, weights) for vectors in (student, teacher))
    weights = (weights * is_long * is_long_too)[..., None]
    difference = F.smooth_l1_loss(found @ found.mT, expected @ expected.mT, reduction='none')
    return (difference * (weights @ weights.mT)).mean()


@MODELS.register_module()
class BoneVectorTerm(DistillationTerm):
    """:func:`bone_length_loss` and :func:`bone_angle_loss` between the bones of a person.

    Moving, turning and scaling a person changes nothing, so a term on coordinates or heatmaps, or labels, must say
    where it is. A bone has the weight of the lighter of its joints: labelled joints are supervised, and all joints of
    an image without annotations, where the teacher predicts them.

    Args:
        bones: a set of keypoints or a metainfo file that has a skeleton, or pairs of keypoint indices of the student.
        length: weight of the lengths.
        angle: weight of the angles.
        student: the student output to read coordinates from, see
            :class:`~distilpose.distillation.terms.coordinate_reader.CoordinateReader`.
        teacher: the teacher output.
        beta: of the student's distributions and heatmaps.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: an option is unknown, the bones are no pairs, or both weights are 0.
    """

    bones: Tensor
    supports_grids = True
    reads_coordinates = True

    def __init__(self, *, bones: str | Sequence[Sequence[int]], length: float = 1.0, angle: float = 1.0,
                 student: str = 'coords', teacher: str = 'auto', beta: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_weights('BoneVectorTerm', length=length, angle=angle)
        self.length, self.angle = length, angle
        pairs = read_skeleton(bones, entry='BoneVectorTerm.bones') if isinstance(bones, str) else _checked(bones)
        self.register_buffer('bones', torch.tensor(pairs), persistent=False)
        self.last_joint = max(max(pair) for pair in pairs)
        self.reader = CoordinateReader(type(self).__name__, student=student, teacher=teacher, beta=beta)
        self.reader.declared_by(self)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The teacher must have coordinates, and the student all joints of the bones."""
        count = self.reader.predicted(student).shape[1]
        if self.last_joint >= count:
            return (f'a bone ends at keypoint {self.last_joint}, and the student has the keypoints 0 to {count - 1}; '
                    'name the skeleton of its keypoints')
        return self.reader.mismatch(teacher)

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Chooses the teacher output to read."""
        self.reader.choose(self, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        coords, target, joint_weights = self.reader.read(self, student, teacher, labels)
        weights = joint_weights[:, self.bones].amin(-1)
        found, expected = bone_vectors(coords, self.bones), bone_vectors(target, self.bones)
        losses = [weight * loss(found, expected, weights=weights) for weight, loss in
                  ((self.length, bone_length_loss), (self.angle, bone_angle_loss)) if weight]
        return torch.stack(losses).sum()


def _checked(bones: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    pairs = [tuple(bone) if isinstance(bone, Sequence) and not isinstance(bone, str) else (bone,) for bone in bones]
    wrong = next((pair for pair in pairs if len(pair) != 2 or pair[0] == pair[1] or not all(
        isinstance(joint, int) and not isinstance(joint, bool) and joint >= 0 for joint in pair)), None)
    if wrong is not None or not pairs:
        found = 'no bone' if not pairs else f'{wrong}'
        raise DistilPoseError(f"BoneVectorTerm got {found} among its bones; expected pairs of two keypoint indices, or "
                              "the name of a set of keypoints with a skeleton, such as 'coco'")
    return [(int(start), int(end)) for start, end in pairs]
