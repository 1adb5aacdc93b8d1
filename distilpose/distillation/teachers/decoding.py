"""Decoding: coordinates and confidences from heatmaps, SimCC or coordinates, in torch, on the device of the outputs."""

from __future__ import annotations

import torch
from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

from ..heatmap_grid import COMMON_GRID, HeatmapGrid

REFINEMENTS = ('gaussian', 'quarter', 'none')
REACH = 1 / 40
"""Of the peak of a SimCC distribution, as a fraction of the side; see :func:`certainty_of`."""


def coordinates_of(outputs: PoseOutputs, *, refinement: str = 'gaussian', grid: HeatmapGrid = COMMON_GRID) -> Tensor:
    """Coordinates of every joint, as fractions of the crop.

    Coordinates are taken as they are. Without those, SimCC gives the bin of the highest logit: bin ``i`` of n stands
    for ``i / n``, as in mmpose's ``SimCCLabel``. Without SimCC, the last heatmaps give their highest cells: cell ``i``
    of n stands for ``i / n``, as in mmpose's ``MSRAHeatmap``, or for the fraction of another grid. Of equal cells or
    bins the first one is taken. A heatmap without a cell above 0 gives the cell -1, outside of the crop, as mmpose
    does; its certainty is 0.

    Args:
        outputs: of a batch of B, with K keypoints.
        refinement: of heatmaps. ``'gaussian'`` moves to the peak of the parabola through the logarithms of the highest
            cell and its two neighbours along each axis, which is exact for a sampled gaussian, by half a cell at most.
            ``'quarter'`` moves by a quarter of a cell towards the higher neighbour, as ``MSRAHeatmap.decode`` does.
            Neither moves a cell on the border.
        grid: of the heatmaps.

    Returns:
        (B, K, 2) x and y. What is outside of [0, 1] is outside of the crop.

    Raises:
        DistilPoseError: the outputs have no coordinates, no SimCC and no heatmaps, or the refinement is unknown.
    """
    if refinement not in REFINEMENTS:
        raise DistilPoseError(f'refinement={refinement!r}; expected one of {", ".join(REFINEMENTS)}')
    if outputs.coords is not None:
        return outputs.coords
    if outputs.simcc is not None:
        return torch.stack([logits.argmax(-1) / logits.shape[-1] for logits in outputs.simcc], dim=-1)
    if outputs.heatmaps is not None:
        return _heatmap_coordinates(outputs.heatmaps[-1], refinement, grid)
    raise _nothing_to_decode(outputs)


def certainty_of(outputs: PoseOutputs, *, beta: float = 1.0) -> Tensor:
    """Confidence of the network for every joint.

    Scores are taken as they are. Without those, it is the highest value of the last heatmap, and without heatmaps that
    of SimCC: the smaller of the probabilities along x and y that the joint is within 1 / 40 of the side
    (:data:`REACH`) of the highest bin. The probability of one bin would depend on how many there are, and on the sigma
    of the labels. All is clipped to [0, 1]. A network that gives coordinates alone has the certainty 1. Joints
    that the outputs do not predict (``outputs.mask``) have the certainty 0.

    Args:
        outputs: of a batch of B, with K keypoints.
        beta: factor of the SimCC logits in the network's training loss.

    Returns:
        (B, K) in [0, 1]; NaN where the network's own value is.

    Raises:
        DistilPoseError: the outputs have no scores, no heatmaps, no SimCC and no coordinates.
    """
    if outputs.scores is not None:
        certainty = outputs.scores.squeeze(-1)
    elif outputs.heatmaps is not None:
        certainty = outputs.heatmaps[-1].amax((-2, -1))
    elif outputs.simcc is not None:
        along_x, along_y = (_mass_around_peak(logits * beta) for logits in outputs.simcc)
        certainty = torch.minimum(along_x, along_y)
    elif outputs.coords is not None:
        certainty = torch.ones_like(outputs.coords[..., 0])
    else:
        raise _nothing_to_decode(outputs)
    certainty = certainty.clamp(0, 1)
    return certainty if outputs.mask is None else certainty * outputs.mask


def _heatmap_coordinates(heatmaps: Tensor, refinement: str, grid: HeatmapGrid) -> Tensor:
    """(B, K, H, W) to (B, K, 2)."""
    height, width = heatmaps.shape[-2:]
    cells = heatmaps.flatten(2)
    highest, place = cells.max(-1)
    column, row = place % width, place // width
    along_x = heatmaps.gather(2, row[..., None, None].expand(-1, -1, 1, width)).squeeze(2)
    along_y = heatmaps.gather(3, column[..., None, None].expand(-1, -1, height, 1)).squeeze(3)
    peaks = (_refined(column, along_x, refinement, across=row), _refined(row, along_y, refinement, across=column))
    is_empty = highest <= 0
    return torch.stack([(peak.masked_fill(is_empty, -1.0) - grid.start) / reach
                        for peak, reach in zip(peaks, grid.reach((width, height)), strict=True)], dim=-1)


def _refined(index: Tensor, profile: Tensor, refinement: str, *, across: Tensor) -> Tensor:
    """(B, K) highest cells of profiles (B, K, n), with the cells across them, to peaks between cells."""
    cells, count = index.to(profile.dtype), profile.shape[-1]
    if refinement == 'none' or count < 3:
        return cells
    inner = index.clamp(1, count - 2)
    before, at, after = profile.gather(-1, torch.stack([inner - 1, inner, inner + 1], dim=-1)).unbind(-1)
    if refinement == 'quarter':
        step = 0.25 * torch.sign(after - before)
        is_inside = (index > 1) & (index < count - 1) & (across > 0)  # mmpose's bounds
    else:
        before, at, after = (value.clamp(min=1e-10).log() for value in (before, at, after))
        curvature = 2 * at - before - after
        step = torch.where(curvature > 0, 0.5 * (after - before) / curvature.clamp(min=1e-10), 0).clamp(-0.5, 0.5)
        is_inside = inner == index
    return cells + torch.where(is_inside, step, 0)


def _mass_around_peak(logits: Tensor) -> Tensor:
    """(B, K, n) logits to the (B, K) probability of the bins around the highest one."""
    count = logits.shape[-1]
    reach = max(round(count * REACH), 1)
    peak = logits.argmax(-1, keepdim=True)
    total = torch.nn.functional.pad(logits.softmax(-1).cumsum(-1), (1, 0))
    return (total.gather(-1, (peak + reach + 1).clamp(max=count))
            - total.gather(-1, (peak - reach).clamp(min=0))).squeeze(-1)


def _nothing_to_decode(outputs: PoseOutputs) -> DistilPoseError:
    return DistilPoseError(f'the network predicts {", ".join(outputs.produced()) or "nothing"}, from which coordinates '
                           'cannot be decoded; expected coordinates, SimCC or heatmaps')
