"""Teacher heatmaps for distillation terms: on the common grid ``cell = coordinate * size``, with peaks of 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from distilpose.errors import DistilPoseError

from ..heatmap_grid import COMMON_GRID, HeatmapGrid, describe_codec, grid_of, move
from ..schedules import require_numbers


def check_drawing(heatmaps: Any, *, entry: str) -> None:
    """Refuses a description of drawn heatmaps that is not ``dict(size=(width, height), sigma=pixels)``.

    Raises:
        DistilPoseError: a key is missing, or size or sigma is invalid.
    """
    if not isinstance(heatmaps, Mapping) or set(heatmaps) != {'size', 'sigma'}:
        keys = ', '.join(map(str, heatmaps)) if isinstance(heatmaps, Mapping) else None
        raise DistilPoseError(f'{entry} {f"is {heatmaps!r}" if keys is None else f"has the keys {keys}"}; expected '
                              'size=(width, height) and sigma, in heatmap pixels')
    size, sigma = heatmaps['size'], heatmaps['sigma']
    if (not isinstance(size, Sequence) or len(size) != 2
            or not all(isinstance(side, int) and side > 1 for side in size)):
        raise DistilPoseError(f'{entry}.size is {size!r}; expected (width, height) of the heatmaps, such as (48, 64)')
    require_numbers(entry, sigma=sigma)
    if sigma <= 0:
        raise DistilPoseError(f'{entry}.sigma is {sigma}; expected a number of heatmap pixels above 0')


def drawing_grid(input_size: tuple[int, int] | None) -> HeatmapGrid:
    """The grid for a student that is not on the common one, on which a teacher that draws its heatmaps can draw them.

    That is ``UDPHeatmap``'s; the common one where the size of the crop, (width, height), is unknown.
    """
    return COMMON_GRID if input_size is None else HeatmapGrid('udp', input_size)


def draw_simcc_heatmaps(simcc: tuple[Tensor, Tensor], *, size: tuple[int, int], sigma: float, beta: float,
                        grid: HeatmapGrid = COMMON_GRID) -> Tensor:
    """Expected heatmap of SimCC distributions.

    The outer product of both distributions is the joint's distribution over the image. The expectation of a gaussian of
    peak 1 under it is separable: a product of two expectations along the axes. A confident teacher gives the usual
    target, an uncertain one a lower and wider gaussian.

    Args:
        simcc: (B, K, Wx) and (B, K, Wy) logits; bin ``i`` of n stands for the fraction ``i / n``.
        size: (width, height) of the heatmap.
        sigma: of the gaussian, in heatmap pixels.
        beta: factor of the logits in the teacher's loss.
        grid: of the heatmap.

    Returns:
        (B, K, H, W).
    """
    along_x, along_y = (_expected_profile(logits * beta, count, sigma, reach=reach, start=grid.start)
                        for logits, count, reach in zip(simcc, size, grid.reach(size), strict=True))
    return along_y.unsqueeze(-1) * along_x.unsqueeze(-2)


def _expected_profile(logits: Tensor, count: int, sigma: float, *, reach: float, start: float) -> Tensor:
    """(B, K, bins) logits to the (B, K, count) expectation of a gaussian around the bin."""
    bins = logits.shape[-1]
    centres = torch.arange(bins, dtype=logits.dtype, device=logits.device) * reach / bins + start
    cells = torch.arange(count, dtype=logits.dtype, device=logits.device)
    return logits.softmax(-1) @ torch.exp(-0.5 * ((cells - centres.unsqueeze(-1)) / sigma) ** 2)


def to_common_grid(heatmaps: Tensor, decoder: Any) -> Tensor:
    """Heatmaps of any codec of mmpose's on the grid of ``MSRAHeatmap``.

    ``UDPHeatmap`` and TokenPose put their last cell on the last pixel of the crop, so their cells are a little larger.

    Args:
        heatmaps: (B, K, H, W).
        decoder: the codec of the head that drew them; ``None`` if unknown.

    Raises:
        DistilPoseError: as :func:`own_grid`.
    """
    return move(heatmaps, own_grid(decoder))


def own_grid(decoder: Any) -> HeatmapGrid:
    """The grid of a teacher's heatmaps.

    Args:
        decoder: the codec of the head that draws them; ``None`` if unknown.

    Raises:
        DistilPoseError: for a codec whose maps are not gaussians of peak 1.
    """
    grid = grid_of(decoder)
    if grid is None:
        raise DistilPoseError(f"the teacher's heatmaps are those of {describe_codec(decoder)}; distilpose reads "
                              'gaussians of MSRAHeatmap, UDPHeatmap and TokenPoseHeatmap. Drop the terms that read '
                              'heatmaps, or take another teacher')
    return grid
