"""Divergences between maps: channel-wise (CWD), a channel being a distribution over pixels, and pixel-wise."""

from __future__ import annotations

from torch import Tensor

from distilpose.models.losses import divergence_from_gaussians

_NO_WEIGHT = 1e-30


def channel_divergence(student: Tensor, teacher: Tensor, *, temperature: float = 1.0,
                       weights: Tensor | None = None) -> Tensor:
    """Kullback-Leibler divergence between channels, each the softmax over its pixels of ``map / temperature``.

    Channel-wise knowledge distillation (CWD, Shu et al., ICCV 2021, section 3.2), as in its published code
    (irfanICMLL/TorchDistiller, ``CriterionCWD`` with ``norm_type='channel'``): the divergence times
    ``temperature ** 2``, the mean over samples and channels. A channel of a heatmap is a keypoint. Adding a number to
    a channel changes nothing.

    Args:
        student: (B, C, H, W).
        teacher: of the same shape.
        temperature: of the softmax; 4 in the paper. Heatmaps, whose peak is 1, need one far below 1, or their
            background has most of the probability.
        weights: (B, C), ``None`` for ones; channels of weight 0 count as zeros in the mean.

    Returns:
        A scalar.
    """
    rows, targets = ((maps / temperature).flatten(2) for maps in (student, teacher))
    divergence = divergence_from_gaussians(rows, targets.softmax(dim=-1))
    return temperature ** 2 * (divergence if weights is None else divergence * weights).mean()


def pixel_divergence(student: Tensor, teacher: Tensor, *, temperature: float = 1.0,
                     weights: Tensor | None = None) -> Tensor:
    """Kullback-Leibler divergence between pixels, each the softmax over its channels of ``map / temperature``.

    Pixel-wise distillation of segmentation (Liu et al., CVPR 2019), where a channel is a class: the mean over samples
    and pixels, times ``temperature ** 2`` as in the published code of CWD (``norm_type='spatial'``). On heatmaps a
    pixel's classes are the keypoints: which of them it belongs to. Adding a number to all channels of a pixel changes
    nothing.

    Args:
        student: (B, C, H, W).
        teacher: of the same shape.
        temperature: as in :func:`channel_divergence`.
        weights: (B, C), ``None`` for ones, factors of the channels' exponentials in both softmaxes: channels of
            weight 0 take no part. A sample has the largest of its weights.

    Returns:
        A scalar.
    """
    rows, targets = ((maps / temperature).movedim(1, -1) for maps in (student, teacher))
    if weights is None:
        return temperature ** 2 * divergence_from_gaussians(rows, targets.softmax(dim=-1)).mean()
    offsets = weights.clamp(min=_NO_WEIGHT).log()[:, None, None]
    divergence = divergence_from_gaussians(rows + offsets, (targets + offsets).softmax(dim=-1))
    return temperature ** 2 * (divergence.mean((1, 2)) * weights.amax(1)).mean()
