"""Bringing what teachers show to the heatmaps that terms read: ``cell = coordinate * size``, peak 1."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from torch import Tensor

from distilpose.codecs import TokenPoseHeatmap
from distilpose.errors import DistilPoseError

from ..image_adapter import resample


def draw_simcc_heatmaps(simcc: tuple[Tensor, Tensor], *, size: tuple[int, int], sigma: float, beta: float) -> Tensor:
    """The heatmap that a coordinate classifier expects.

    Its two distributions say where the joint is; the outer product of both is the distribution over the image.
    A gaussian of peak 1 averaged over that distribution is separable: a product of two averages along the axes.
    So a sure teacher draws the usual target, and an unsure one a lower and wider one.

    Args:
        simcc: (B, K, Wx) and (B, K, Wy) logits; bin ``i`` of n stands for the fraction ``i / n``.
        size: (width, height) of the heatmap.
        sigma: of the gaussian, in heatmap pixels.
        beta: what the teacher's loss multiplied its logits with.

    Returns:
        (B, K, H, W).
    """
    along_x, along_y = (_expected_profile(logits * beta, count, sigma)
                        for logits, count in zip(simcc, size, strict=True))
    return along_y.unsqueeze(-1) * along_x.unsqueeze(-2)


def _expected_profile(logits: Tensor, count: int, sigma: float) -> Tensor:
    """(B, K, bins) logits to the (B, K, count) expectation of a gaussian around the bin."""
    bins = logits.shape[-1]
    centres = torch.arange(bins, dtype=logits.dtype, device=logits.device) * count / bins
    cells = torch.arange(count, dtype=logits.dtype, device=logits.device)
    return logits.softmax(-1) @ torch.exp(-0.5 * ((cells - centres.unsqueeze(-1)) / sigma) ** 2)


def is_on_common_grid(decoder: Any) -> bool:
    """Whether a codec's heatmaps are those of ``MSRAHeatmap``; taken for granted of a head that has none."""
    return decoder is None or (isinstance(decoder, MSRAHeatmap) and not isinstance(decoder, TokenPoseHeatmap))


def to_common_grid(heatmaps: Tensor, decoder: Any) -> Tensor:
    """Heatmaps of any codec of mmpose's on the grid of ``MSRAHeatmap``.

    ``UDPHeatmap`` and TokenPose put their last cell on the last pixel of the crop, so their cells are a little larger.

    Args:
        heatmaps: (B, K, H, W).
        decoder: the codec of the head that drew them; ``None`` for one that says nothing.

    Raises:
        DistilPoseError: for a codec whose maps are not gaussians of peak 1.
    """
    if is_on_common_grid(decoder):
        return heatmaps
    kind = getattr(decoder, 'heatmap_type', 'gaussian')
    if not isinstance(decoder, (UDPHeatmap, TokenPoseHeatmap)) or kind != 'gaussian':
        raise DistilPoseError(f"the teacher's heatmaps are those of {type(decoder).__name__} "
                              f"({getattr(decoder, 'heatmap_type', 'of its own kind')}); distilpose reads gaussians "
                              'of MSRAHeatmap, UDPHeatmap and TokenPoseHeatmap. Drop the terms that read heatmaps, '
                              'or take another teacher')
    return from_grid(heatmaps, 'udp', decoder.input_size)


def from_grid(heatmaps: Tensor, grid: str, input_size: tuple[int, int]) -> Tensor:
    """Heatmaps of a grid that is named, on the grid of ``MSRAHeatmap``.

    Args:
        heatmaps: (B, K, H, W).
        grid: ``'i/n'`` where cell ``i`` of n stands for the fraction ``i / n`` of the crop, which is the common one;
            ``'centers'`` where it stands for ``(i + 0.5) / n``; ``'udp'`` where the last cell is on the last pixel.
        input_size: (width, height) of the crop in pixels.
    """
    if grid == 'i/n':
        return heatmaps
    (width, height), (columns, rows) = input_size, (heatmaps.shape[-1], heatmaps.shape[-2])
    if grid == 'centers':
        return resample(heatmaps, (columns, rows), start=-0.5)
    reach = (width * (columns - 1) / (width - 1), height * (rows - 1) / (height - 1))
    return resample(heatmaps, (columns, rows), reach=reach)
