"""The simulated-heatmap loss with drawn maps, which DistilPose's published code broadcasts to N x N of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from distilpose.distillation.terms.simulated_heatmap import SimulatedHeatmapTerm
from distilpose.structures import Labels, PoseOutputs


def draw(coords: Tensor, sigmas: Tensor, *, size: tuple[int, int]) -> Tensor:
    """Gaussians (B, K, H, W) of peak 1 with an exponential for every pixel.

    Args:
        coords: (B, K, 2) in [0, 1].
        sigmas: (B, K, 2) in heatmap pixels.
        size: (width, height) of the heatmap.
    """
    columns = torch.arange(size[0], dtype=coords.dtype, device=coords.device)
    rows = torch.arange(size[1], dtype=coords.dtype, device=coords.device)[:, None]
    mean_x, mean_y = (coords[..., axis, None, None] * size[axis] for axis in (0, 1))
    variance_x, variance_y = (sigmas[..., axis, None, None] ** 2 + 1e-9 for axis in (0, 1))
    return torch.exp(-((columns - mean_x) ** 2 / variance_x + (rows - mean_y) ** 2 / variance_y) / 2)


def drawn_heatmap_loss(coords: Tensor, sigmas: Tensor, heatmaps: Tensor, *, weights: Tensor,
                       masking: str = 'official') -> Tensor:
    """The value of :func:`~distilpose.distillation.terms.simulated_heatmap_loss`, joint by joint and pixel by pixel.

    Args:
        coords: (B, K, 2) in [0, 1].
        sigmas: (B, K, 2) in heatmap pixels.
        heatmaps: (B, K, H, W) of the teacher.
        weights: (B, K) ground-truth keypoint weights.
        masking: ``'official'`` weighs the (B, H W) pixels of a joint with (B, 1, 1) weights, which makes (B, B, H W)
            values of them; ``'intended'`` with (B, 1).
    """
    drawn = draw(coords, sigmas, size=(heatmaps.shape[-1], heatmaps.shape[-2])).flatten(2)
    expected = heatmaps.flatten(2)
    shape = (-1, 1, 1) if masking == 'official' else (-1, 1)
    losses = []
    for joint in range(coords.shape[1]):
        mask = weights[:, joint].reshape(shape)
        losses.append(F.mse_loss(drawn[:, joint] * mask, expected[:, joint] * mask))
    return torch.stack(losses).mean()


def drawn_term(term: SimulatedHeatmapTerm, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
    """What ``SimulatedHeatmapTerm.forward`` gives."""
    assert student.coords is not None and teacher.heatmaps is not None  # checked when the pair was made
    return drawn_heatmap_loss(student.coords, term.sigmas_of(student), teacher.heatmaps[-1],
                              weights=labels.distillation_weights(), masking=term.masking)
