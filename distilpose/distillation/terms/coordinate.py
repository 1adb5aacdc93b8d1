"""Coordinate distillation: the student's coordinates follow the teacher's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.models.losses import RLELoss
from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from distilpose.distillation.schedules import require_numbers
from distilpose.distillation.teachers.keypoint_names import read_sigmas
from distilpose.errors import DistilPoseError
from distilpose.models.heads.coordinate_head import coordinate_loss as task_loss
from distilpose.renamed import forward_names
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm
from .coordinate_reader import CoordinateReader

LOSSES = ('l1', 'smooth_l1', 'oks', 'rle')
_AREA_OF_CROP = 0.53 / 1.25 ** 2
"""Of a person, in its crop: mmpose takes 0.53 of the box, and crops are usually 1.25 times as wide and high."""

__getattr__ = forward_names(__name__, {
    'expected_coordinates': 'distilpose.distillation.terms.coordinate_reader.expected_coordinates'})


def coordinate_distance(coords: Tensor, target: Tensor, *, weights: Tensor, loss: str = 'l1',
                        transition: float = 0.05) -> Tensor:
    """Mean distance between coordinates along the axes.

    Args:
        coords: (B, K, 2) of the student, in [0, 1].
        target: (B, K, 2) of the teacher.
        weights: (B, K) factors; the mean counts joints of weight 0 as zeros.
        loss: ``'l1'``, or ``'smooth_l1'`` (Girshick, ICCV 2015): quadratic below ``transition``.
        transition: fraction of the side.

    Returns:
        A scalar, the mean over B, K and both axes.
    """
    distance = (coords - target).abs() if loss == 'l1' else F.smooth_l1_loss(coords, target, reduction='none',
                                                                             beta=transition)
    return (distance * weights.unsqueeze(-1)).mean()


def oks_distance(coords: Tensor, target: Tensor, *, weights: Tensor, sigmas: Tensor, proportions: float) -> Tensor:
    """Distance in the unit of object keypoint similarity (OKS): errors are divided by the labelling noise of the joint.

    With ``d`` the distance and ``s`` the scale of the person, ``e = d / (2 sigma s)``. It is ``-log(OKS) = e^2 / 2``
    (COCO; as a loss: Maji et al., CVPR workshops 2022) up to ``e = 1``, and linear beyond, where the similarity has no
    gradient left.

    Args:
        coords: (B, K, 2) of the student, in [0, 1].
        target: (B, K, 2) of the teacher.
        weights: (B, K) factors; the mean counts joints of weight 0 as zeros.
        sigmas: (K,) of the definition of keypoints.
        proportions: width of the crop by its height.

    Returns:
        A scalar, the mean over B and K.
    """
    along_x, along_y = (coords - target).unbind(-1)
    difference = torch.stack([along_x * proportions ** 0.5, along_y * proportions ** -0.5], dim=-1)  # crop of area 1
    distance = torch.linalg.vector_norm(difference, dim=-1)
    error = distance / (2 * sigmas * _AREA_OF_CROP ** 0.5)
    return (F.huber_loss(error, torch.zeros_like(error), reduction='none') * weights).mean()


@MODELS.register_module()
class CoordinateTerm(DistillationTerm):
    """Coordinate distillation: the student's coordinates follow the teacher's; for teachers without heatmaps or SimCC.

    Labelled joints are supervised, and all joints of an image without annotations, where the teacher predicts them.

    Args:
        loss: ``'l1'`` or ``'smooth_l1'`` (:func:`coordinate_distance`), ``'oks'`` (:func:`oks_distance`), or ``'rle'``:
            residual log-likelihood estimation (Li et al., ICCV 2021) with the student's error scales and a flow of its
            own, a sum over joints as mmpose's ``RLELoss``.
        student: the student output to read coordinates from, ``'coords'``, ``'simcc'`` or ``'heatmaps'``; see
            :func:`expected_coordinates`.
        teacher: the teacher output, whose distributions and heatmaps are decoded at their peaks; see
            :func:`~distilpose.distillation.teachers.decoding.coordinates_of`. ``'auto'`` takes the first that there is.
        beta: see :func:`expected_coordinates`; by default 25 for heatmaps and 1 otherwise. For SimCC the one in the
            student's task loss, 1 for SimDR's losses and 10 for RTMPose's.
        transition: of ``'smooth_l1'``, a fraction of the side.
        sigmas: of ``'oks'``: a set of keypoints or a metainfo file that has them, or a list.
        crop_size: of ``'oks'``: (width, height) of the student's crop.
        **kwargs: as :class:`DistillationTerm`.

    Raises:
        DistilPoseError: an option is unknown, or missing for this loss.
    """

    sigmas: Tensor
    supports_grids = True
    reads_coordinates = True

    def __init__(self, *, loss: str = 'l1', student: str = 'coords', teacher: str = 'auto', beta: float | None = None,
                 transition: float = 0.05, sigmas: str | Sequence[float] | None = None,
                 crop_size: tuple[int, int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if loss not in LOSSES:
            raise DistilPoseError(f'CoordinateTerm got loss={loss!r}; expected one of {LOSSES}')
        self.reader = CoordinateReader(type(self).__name__, student=student, teacher=teacher, beta=beta)
        if loss == 'rle' and student != 'coords':
            raise DistilPoseError(f"CoordinateTerm got loss='rle' and student={student!r}; residual log-likelihood "
                                  "needs a student that regresses coordinates and error scales: student='coords'")
        require_numbers('CoordinateTerm', transition=transition)
        if transition <= 0:
            raise DistilPoseError(f'CoordinateTerm got transition={transition}; expected a number above 0')
        self.loss, self.transition = loss, transition
        self.reader.declared_by(self)
        if loss == 'rle':
            self.student_fields = (student, 'error_scales')
        if loss == 'oks':
            self._prepare_oks(sigmas, crop_size)
        if loss == 'rle':
            self.residual = RLELoss(use_target_weight=True)

    def _prepare_oks(self, sigmas: str | Sequence[float] | None, crop_size: tuple[int, int] | None) -> None:
        if sigmas is None or crop_size is None or len(crop_size) != 2:
            raise DistilPoseError("CoordinateTerm with loss='oks' needs the sigmas of the student's keypoints and the "
                                  f'(width, height) of its crop, and got sigmas={sigmas} and crop_size={crop_size}; '
                                  "set them, such as sigmas='coco', crop_size=(192, 256)")
        values = read_sigmas(sigmas, entry='CoordinateTerm.sigmas') if isinstance(sigmas, str) else list(sigmas)
        require_numbers('CoordinateTerm', **{f'sigmas[{index}]': value for index, value in enumerate(values)},
                        width=crop_size[0], height=crop_size[1])
        if min(*values, *crop_size) <= 0:
            raise DistilPoseError(f'CoordinateTerm got sigmas={values} and crop_size={crop_size}; expected numbers '
                                  'above 0')
        self.register_buffer('sigmas', torch.tensor(values), persistent=False)
        self.proportions = crop_size[0] / crop_size[1]

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """The teacher must have coordinates, SimCC or heatmaps, and there must be one sigma for each keypoint."""
        reason = self.reader.mismatch(teacher)
        if reason is not None:
            return reason
        found = self.reader.predicted(student).shape[1]
        if self.loss != 'oks' or len(self.sigmas) == found:
            return None
        return (f'sigmas has {len(self.sigmas)} values, and the student {found} keypoints; name the definition of the '
                "student's keypoints")

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Chooses the teacher output to read."""
        self.reader.choose(self, teacher)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        coords, target, weights = self.reader.read(self, student, teacher, labels)
        if self.loss == 'rle':
            return task_loss(self.residual, student, target, weights.unsqueeze(-1))
        if self.loss == 'oks':
            return oks_distance(coords, target, weights=weights, sigmas=self.sigmas, proportions=self.proportions)
        return coordinate_distance(coords, target, weights=weights, loss=self.loss, transition=self.transition)
