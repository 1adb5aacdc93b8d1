"""Map pair: feature maps or heatmaps of student and teacher, for the terms that compare either."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .feature_pair import FeaturePair
from .heatmap import peaks_mismatch, targets_for

MAPS = ('features', 'heatmaps')


class MapPair:
    """Feature maps, bridged by a :class:`FeaturePair`, or heatmaps, on the student's grid and with weights of joints.

    A term sets ``weighs_joints`` to whether ``maps`` is ``'heatmaps'``, and keeps :meth:`make_projector`'s projector
    as ``self.projector``.

    Args:
        term: gets the names of the fields and layers that it reads.
        maps: one of :data:`MAPS`.
        student_layer: of features, as :class:`FeaturePair`.
        teacher_layer: of features.
        resize: of features.
        same_channels: whether features need a projector where their channels differ.

    Raises:
        DistilPoseError: ``maps`` is something else, or heatmaps are given the name of a layer.
    """

    def __init__(self, term: DistillationTerm, maps: str, *, student_layer: str | None = None,
                 teacher_layer: str | None = None, resize: str = 'larger', same_channels: bool = True) -> None:
        name = type(term).__name__
        if maps not in MAPS:
            raise DistilPoseError(f'{name} got maps={maps!r}; expected one of {MAPS}')
        if maps == 'heatmaps' and (student_layer, teacher_layer) != (None, None):
            raise DistilPoseError(f"{name} got maps='heatmaps' and the names of layers ({student_layer}, "
                                  f"{teacher_layer}); drop them, or set maps='features'")
        self.term = name
        self.features = FeaturePair(student_layer, teacher_layer, resize=resize,
                                    same_channels=same_channels) if maps == 'features' else None
        if self.features is None:
            term.student_fields = term.teacher_fields = ('heatmaps',)
        else:
            self.features.declared_by(term)

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """Why the maps cannot be compared, in a sentence, or ``None``."""
        if self.features is not None:
            return self.features.mismatch(student, teacher)
        return peaks_mismatch(student, teacher)

    def make_projector(self, student: PoseOutputs, teacher: PoseOutputs) -> nn.Module:
        """See :meth:`FeaturePair.make_projector`; the identity for heatmaps."""
        return nn.Identity() if self.features is None else self.features.make_projector(student, teacher)

    def compare(self, loss: Callable[..., Tensor], term: DistillationTerm, student: PoseOutputs, teacher: PoseOutputs,
                labels: Labels) -> Tensor:
        """A loss of maps: of the feature maps, or the sum over the student's stacks of heatmaps.

        Args:
            loss: of two maps (B, C, H, W), and ``weights`` (B, C) or ``None``.
            term: has the projector and the grids.
            student: outputs of the student.
            teacher: outputs of the teacher.
            labels: of the batch.
        """
        if self.features is not None:
            found, expected = self.features.read(student, teacher)
            projector: nn.Module = term.projector  # type: ignore[assignment]
            return loss(projector(found), expected, weights=None)
        assert student.heatmaps is not None and teacher.heatmaps is not None
        targets = targets_for(student.heatmaps, teacher.heatmaps[-1], source=term.teacher_grid,
                              target=term.student_grid)
        weights = labels.distillation_weights()
        return torch.stack([loss(stack, target, weights=weights)
                            for stack, target in zip(student.heatmaps, targets, strict=True)]).sum()
