"""Terms of relational knowledge distillation: between the samples of a batch, and between the joints of a person."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.distillation.schedules import require_weights
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .coordinate_reader import CoordinateReader
from .feature_pair import FeaturePair
from .relational import angle_loss, distance_loss

EMBEDDINGS = ('features', 'visual_tokens', 'keypoint_tokens', 'coordinates')
_MOST_JOINTS = 64  # 262 thousand angles a person


class _Relations:
    """The weights of distances and angles of a term, and their sum."""

    def __init__(self, term: str, *, distance: float, angle: float) -> None:
        require_weights(term, distance=distance, angle=angle)
        self.distance, self.angle = distance, angle

    def loss(self, student: Tensor, teacher: Tensor, weights: Tensor | None) -> Tensor:
        losses = [weight * loss(student, teacher, weights=weights) for weight, loss in
                  ((self.distance, distance_loss), (self.angle, angle_loss)) if weight]
        return torch.stack(losses).sum()


@MODELS.register_module()
class JointRelationTerm(DistillationTerm):
    """:func:`~.relational.distance_loss` and :func:`~.relational.angle_loss` between the joints of a person.

    RKD relates the samples of a batch; that the points are the joints of one person is a choice of this project. The
    points are coordinates of the crop.

    Labelled joints are supervised, and all joints of an image without annotations, where the teacher predicts them.

    Args:
        distance: weight of the distances; RKD's in its classification experiments, as of the angles.
        angle: weight of the angles.
        student: the student output to read coordinates from, see
            :class:`~distilpose.distillation.terms.coordinate_reader.CoordinateReader`.
        teacher: the teacher output.
        beta: of the student's distributions and heatmaps.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: an option is unknown, or both weights are 0.
    """

    supports_grids = True
    reads_coordinates = True

    def __init__(self, *, distance: float = 25.0, angle: float = 50.0, student: str = 'coords', teacher: str = 'auto',
                 beta: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.relations = _Relations(type(self).__name__, distance=distance, angle=angle)
        self.reader = CoordinateReader(type(self).__name__, student=student, teacher=teacher, beta=beta)
        self.reader.declared_by(self)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The teacher must have coordinates, and there must not be too many joints for all their angles."""
        count = self.reader.predicted(student).shape[1]
        if self.relations.angle and count > _MOST_JOINTS:
            return (f'{count} joints have {count ** 3 / 1e6:.1f} million angles a person; set angle=0, or compare the '
                    'bones of a skeleton with BoneVectorTerm')
        return self.reader.mismatch(teacher)

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Chooses the teacher output to read."""
        self.reader.choose(self, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        return self.relations.loss(*self.reader.read(self, student, teacher, labels))


@MODELS.register_module()
class SampleRelationTerm(DistillationTerm):
    """RKD: :func:`~.relational.distance_loss` and :func:`~.relational.angle_loss` between the samples of a batch.

    The embeddings may have any numbers of channels. Samples are those of one process; a batch of one has no relation,
    and its loss is 0. Takes the memory of B x B x (B + C) numbers.

    Args:
        distance: weight of the distances; the paper's for classification, as of the angles.
        angle: weight of the angles.
        embedding: ``'features'``: a layer of each, its mean over pixels or tokens; ``'visual_tokens'``: their mean;
            ``'keypoint_tokens'``: side by side; ``'coordinates'``: those of all joints, from the centre of the crop and
            times the weight of the joint: a joint of weight 0 is in the centre for both networks.
        student_layer: of features: name of a layer of the student; ``None``: the last map that its head takes.
        teacher_layer: as ``student_layer``, of the teacher.
        student: of coordinates: the student output to read them from, see
            :class:`~distilpose.distillation.terms.coordinate_reader.CoordinateReader`.
        beta: of coordinates: of the student's distributions and heatmaps.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: an option is unknown, both weights are 0, or layers are named that are not compared.
    """

    supports_grids = True

    def __init__(self, *, distance: float = 25.0, angle: float = 50.0, embedding: str = 'features',
                 student_layer: str | None = None, teacher_layer: str | None = None, student: str = 'coords',
                 beta: float | None = None, **kwargs: Any) -> None:
        self.weighs_joints = embedding == 'coordinates'
        super().__init__(**kwargs)
        self.relations = _Relations(type(self).__name__, distance=distance, angle=angle)
        if embedding not in EMBEDDINGS:
            raise DistilPoseError(f'SampleRelationTerm got embedding={embedding!r}; expected one of {EMBEDDINGS}')
        if embedding != 'features' and (student_layer, teacher_layer) != (None, None):
            raise DistilPoseError(f'SampleRelationTerm got embedding={embedding!r} and the names of layers '
                                  f"({student_layer}, {teacher_layer}); drop them, or set embedding='features'")
        self.embedding = embedding
        self.pair = FeaturePair(student_layer, teacher_layer, takes=('maps', 'tokens', 'vectors'), same_size=False,
                                same_channels=False)
        self.reader = CoordinateReader(type(self).__name__, student=student, teacher='auto', beta=beta)
        if embedding == 'features':
            self.pair.declared_by(self)
        elif embedding == 'coordinates':
            self.reader.declared_by(self)
        else:
            self.student_fields = self.teacher_fields = (embedding,)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """Both layers must be maps, tokens or vectors, or the teacher must have coordinates."""
        if self.embedding == 'coordinates':
            return self.reader.mismatch(teacher)
        return self.pair.mismatch(student, teacher) if self.embedding == 'features' else None

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Chooses the teacher output to read coordinates from."""
        if self.embedding == 'coordinates':
            self.reader.choose(self, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        if self.embedding == 'features':
            found, expected = map(_pooled, self.pair.read(student, teacher))
        elif self.embedding == 'coordinates':
            found, expected = self._coordinates(student, teacher, labels)
        else:
            found, expected = (getattr(outputs, self.embedding) for outputs in (student, teacher))
            if self.embedding == 'visual_tokens':
                found, expected = _pooled(found), _pooled(expected)
        return self.relations.loss(found.flatten(1)[None], expected.flatten(1)[None], None)

    def _coordinates(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> tuple[Tensor, Tensor]:
        """(B, K, 2) each, around the centre of the crop, 0 for joints of weight 0."""
        coords, target, weights = self.reader.read(self, student, teacher, labels)
        return weights[..., None] * (coords - 0.5), weights[..., None] * (target - 0.5)


def _pooled(values: Tensor) -> Tensor:
    """The mean of maps (B, C, H, W) over pixels and of tokens (B, N, C); vectors (B, C) as they are."""
    if values.dim() == 4:
        return values.flatten(2).mean(-1)
    return values.mean(1) if values.dim() == 3 else values
