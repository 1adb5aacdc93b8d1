"""Mapping outputs from a teacher's crop to a student's: points, spreads, logits, joints of flipped crops, masks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from distilpose.structures import PoseOutputs

from .heatmap_grid import HeatmapGrid
from .teachers.decoding import coordinates_of

MAPPED = ('heatmaps', 'coords', 'sigmas', 'error_scales', 'scores', 'simcc', 'mask')
"""Fields of :class:`~distilpose.structures.PoseOutputs` that can be mapped from one crop to another."""


def inverse(linear: Tensor) -> Tensor:
    """(B, 2, 2) the inverse of matrices (B, 2, 2)."""
    (a, b), (c, d) = (row.unbind(-1) for row in linear.unbind(-2))
    return torch.stack([d, -b, -c, a], dim=-1).unflatten(-1, (2, 2)) / (a * d - b * c)[:, None, None]


def moved(points: Tensor, linear: Tensor, shift: Tensor) -> Tensor:
    """(B, K, 2) points of the teacher's crop in the student's."""
    return points @ linear.mT + shift[:, None]


def spread(sigmas: Tensor, linear: Tensor, *, sides: tuple[int, int] = (1, 1)) -> Tensor:
    """(B, K, 2) standard deviations of independent errors along x and y, after a linear map.

    Args:
        sigmas: (B, K, 2) in units that divide the crop as ``sides`` do.
        linear: (B, 2, 2) of fractions.
        sides: of the crop; their ratio counts.
    """
    units = linear.new_tensor(sides)
    return (sigmas.square() @ (linear * (units[:, None] / units)).square().mT).sqrt()


def reordered(outputs: PoseOutputs, order: Tensor | None) -> PoseOutputs:
    """The outputs for the student's joints where a flip of its crop exchanged them."""
    if order is None:
        return outputs
    rows = torch.arange(len(order), device=order.device)[:, None]
    changes: dict[str, Any] = {}
    for name in set(MAPPED).intersection(outputs.produced()):
        value = getattr(outputs, name)
        changes[name] = tuple(one[rows, order] for one in value) if isinstance(value, tuple) else value[rows, order]
    return outputs._replace(**changes)


def resample_logits(logits: Tensor, scale: Tensor, shift: Tensor, bins: int | None) -> Tensor:
    """(B, K, own bins) to (B, K, bins), linear between bins."""
    own = logits.shape[-1]
    count = bins or own
    places = (torch.arange(count, dtype=scale.dtype, device=scale.device) / count - shift[:, None]) / scale[:, None]
    places = places * own
    lower = places.floor().clamp(0, own - 1)
    share = (places - lower).clamp(0, 1)[:, None]
    index = lower.long()[:, None].expand(-1, logits.shape[1], -1)
    values = torch.lerp(logits.gather(2, index), logits.gather(2, (index + 1).clamp(max=own - 1)), share)
    is_inside = ((places >= 0) & (places < own))[:, None]
    return torch.where(is_inside, values, logits.amin(dim=-1, keepdim=True))


def mask_inside(outputs: PoseOutputs, linear: Tensor, shift: Tensor, *, annotated: Tensor | None,
                grid: HeatmapGrid) -> Tensor | None:
    """(B, K) 1 for joints in both crops; ``None`` without coordinates, heatmaps, SimCC and masks."""
    masks = [mask for mask in (outputs.mask, annotated) if mask is not None]
    if any(field is not None for field in (outputs.coords, outputs.simcc, outputs.heatmaps)):
        at = moved(coordinates_of(outputs, refinement='none', grid=grid), linear, shift)
        is_inside = ((at >= 0) & (at <= 1)).all(dim=-1)
        if outputs.coords is None and outputs.simcc is None and outputs.heatmaps is not None:
            is_inside |= outputs.heatmaps[-1].amax((-2, -1)) <= 0  # without a peak it is nowhere, not outside
        masks.append(is_inside)
    return None if not masks else torch.stack([mask.float() for mask in masks]).prod(dim=0)
