"""Agreement with the teacher: PCK of a student where the teacher's predictions take the place of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from distilpose.errors import DistilPoseError

from .metrics import correct_keypoints


class TeacherKeypoints(NamedTuple):
    """What the teacher predicts of a person."""

    keypoints: np.ndarray
    """(K, 2) in image pixels."""
    certainty: np.ndarray
    """(K,) in [0, 1]; negative for a keypoint that it does not predict."""


@METRICS.register_module()
class AgreementWithTeacher(BaseMetric):
    """The share of joints that a student puts where its teacher does: ``agreement/PCK``.

    A joint agrees when ``distance <= threshold * longer side of the person's box``, in image pixels. It needs no
    labels, and does not measure how often the teacher is right: with a teacher that is right in 80 %, a student that
    agrees fully is too. All joints count that the teacher predicts, each equally, or those of which it is certain
    enough.

    The teacher's predictions come from :class:`~distilpose.engine.hooks.AgreementHook`, which every distillation has.

    Args:
        threshold: fraction of the longer side of the box.
        certainty: joints of which the teacher is less certain do not count, see
            :func:`~distilpose.distillation.teachers.decoding.certainty_of`.
        name: of the teacher in ``model.teachers``; by default the only one, or the combination of all.
        collect_device: as of mmengine's ``BaseMetric``.
        prefix: of the figure's name, ``agreement`` by default.

    Raises:
        DistilPoseError: the threshold is not positive, or the certainty is not in [0, 1].
    """

    default_prefix = 'agreement'

    def __init__(self, threshold: float = 0.1, *, certainty: float = 0.0, name: str | None = None,
                 collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if not threshold > 0 or not 0 <= certainty <= 1:
            raise DistilPoseError(f'AgreementWithTeacher has threshold={threshold}, certainty={certainty}; expected a '
                                  "positive fraction of the box's longer side, such as 0.1, and a certainty in [0, 1]")
        self.threshold, self.certainty, self.name = threshold, certainty, name
        self.teacher: Mapping[int, TeacherKeypoints] | None = None

    def compare_with(self, teacher: Mapping[int, TeacherKeypoints]) -> None:
        """Sets the teacher's predictions: ``id`` of a sample -> what it predicts."""
        self.teacher = teacher

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Counts the joints of a batch that agree.

        Raises:
            DistilPoseError: there are no predictions of the teacher.
        """
        if self.teacher is None:
            raise DistilPoseError('AgreementWithTeacher was given no predictions of a teacher; it validates the '
                                  'training of a PoseDistiller, by distilpose train or with '
                                  "custom_hooks=[dict(type='AgreementHook')]")
        if not data_samples:
            return
        expected = [self.teacher[sample['id']] for sample in data_samples]
        predicted = np.concatenate([np.asarray(sample['pred_instances']['keypoints'])[:1, :, :2]
                                    for sample in data_samples])
        corners = np.concatenate([np.asarray(sample['gt_instances']['bboxes'])[:1] for sample in data_samples])
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        is_correct = correct_keypoints(predicted, np.stack([person.keypoints for person in expected]), boxes=boxes,
                                       threshold=self.threshold)
        counts = np.stack([person.certainty for person in expected]) >= self.certainty
        sums = zip((is_correct & counts).sum(axis=1).tolist(), counts.sum(axis=1).tolist(), strict=True)
        self.results += [dict(correct=correct, count=count) for correct, count in sums]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The share in [0, 1], NaN where no joint counts."""
        count = sum(result['count'] for result in results)
        return dict(PCK=sum(result['correct'] for result in results) / count if count else float('nan'))
