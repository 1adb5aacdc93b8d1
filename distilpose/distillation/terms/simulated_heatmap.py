"""Simulated-heatmap distillation: the student's gaussian imitates the teacher's heatmap."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .base import DistillationTerm

MASKINGS = ('intended', 'official')
SIGMAS = ('predicted', 'learned')
_LEARNED_START = 2.0  # pixels: the sigma of the gaussians that teachers are trained on


def _gaussian_profiles(coords: Tensor, sigmas: Tensor, *, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The two factors of a separable gaussian of peak 1: (B, K, W) along x and (B, K, H) along y."""
    def profile(axis: int) -> Tensor:
        pixels = torch.arange(size[axis], dtype=coords.dtype, device=coords.device)
        distance = pixels - coords[..., axis:axis + 1] * size[axis]
        return torch.exp(-0.5 * distance ** 2 / (sigmas[..., axis:axis + 1] ** 2 + 1e-9))
    return profile(0), profile(1)


def draw_simulated_heatmaps(coords: Tensor, sigmas: Tensor, *, size: tuple[int, int]) -> Tensor:
    """Draws the student's coordinates and sigmas as heatmaps, for pictures; the loss does not need them.

    Args:
        coords: (B, K, 2) in [0, 1].
        sigmas: (B, K, 2) in heatmap pixels.
        size: (width, height) of the heatmap.

    Returns:
        (B, K, H, W), peak 1 (DistilPose, section 3.3).
    """
    along_x, along_y = _gaussian_profiles(coords, sigmas, size=size)
    return along_y.unsqueeze(-1) * along_x.unsqueeze(-2)


def simulated_heatmap_loss(coords: Tensor, sigmas: Tensor, heatmaps: Tensor, *, weights: Tensor,
                           masking: str = 'intended') -> Tensor:
    """Mean squared error between simulated and given heatmaps, without drawing the former.

    The gaussian g is separable, so the sum over pixels is
    ``|g - t|^2 = |gx|^2 |gy|^2 - 2 gy^T t gx + |t|^2``: exact, and linear in the batch. A row vector is multiplied
    with the maps, which on a CPU takes a seventh of the time of a column vector, forward and backward.

    Args:
        coords: (B, K, 2) in [0, 1].
        sigmas: (B, K, 2) in heatmap pixels.
        heatmaps: (B, K, H, W) of the teacher.
        weights: (B, K) ground-truth keypoint weights.
        masking: ``'intended'`` weighs every joint of every sample by its own weight, squared;
            ``'official'`` weighs it by the joint's mean squared weight over the batch, which is what the
            broadcast in the published implementation amounts to.

    Returns:
        A scalar, the mean over B, K, H and W.
    """
    height, width = heatmaps.shape[-2:]
    along_x, along_y = _gaussian_profiles(coords, sigmas, size=(width, height))
    overlap = (along_y.unsqueeze(-2) @ heatmaps).squeeze(-2)  # (B, K, W)
    squared = (along_x.square().sum(-1) * along_y.square().sum(-1) - 2 * (along_x * overlap).sum(-1)
               + torch.linalg.vector_norm(heatmaps, dim=(-2, -1)).square())
    mask = weights.square()
    if masking == 'official':
        mask = mask.mean(dim=0, keepdim=True)
    return (mask * squared).mean() / (height * width)


@MODELS.register_module()
class SimulatedHeatmapTerm(DistillationTerm):
    """:func:`simulated_heatmap_loss` against the teacher's last heatmap.

    Args:
        sigma: ``'predicted'``; for a student without sigmas a fixed standard deviation in heatmap pixels, or
            ``'learned'`` for one of each keypoint, which starts at 2 pixels and is dropped after the training.
        masking: see :func:`simulated_heatmap_loss`.
        **kwargs: as :class:`DistillationTerm`.
    """

    teacher_fields = ('heatmaps',)
    squares_weights = True

    def __init__(self, *, sigma: str | float = 'predicted', masking: str = 'intended', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if masking not in MASKINGS:
            raise DistilPoseError(f'SimulatedHeatmapTerm got masking={masking!r}; expected one of {MASKINGS}')
        if sigma not in SIGMAS and (isinstance(sigma, str) or not 0 < sigma < math.inf):
            raise DistilPoseError(f'SimulatedHeatmapTerm got sigma={sigma!r}; expected one of {SIGMAS} or a number '
                                  'above 0 (heatmap pixels)')
        self.sigma, self.masking = sigma, masking
        self.student_fields = ('coords', 'sigmas') if sigma == 'predicted' else ('coords',)

    def prepare(self, student: PoseOutputs, teacher: PoseOutputs) -> None:
        """Makes the learned sigmas, as logarithms."""
        if self.sigma == 'learned' and student.coords is not None:
            keypoints = student.coords.shape[1]
            self.log_sigmas = nn.Parameter(student.coords.new_full((keypoints, 1), math.log(_LEARNED_START)))

    def sigmas_of(self, student: PoseOutputs) -> Tensor:
        """The sigmas (B, K, 2) in heatmap pixels with which the student's coordinates are drawn."""
        assert student.coords is not None
        if self.sigma == 'learned':
            return self.log_sigmas.exp().expand_as(student.coords)
        if self.sigma == 'predicted':
            assert student.sigmas is not None
            return student.sigmas
        return torch.full_like(student.coords, float(self.sigma))

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        """See :class:`DistillationTerm`."""
        assert student.coords is not None and teacher.heatmaps is not None  # checked when the pair was made
        return simulated_heatmap_loss(student.coords, self.sigmas_of(student), teacher.heatmaps[-1],
                                      weights=labels.distillation_weights(), masking=self.masking)
