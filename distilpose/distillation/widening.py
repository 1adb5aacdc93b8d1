"""Widening of a teacher's heatmaps: gaussians that are narrow for the student are blurred, and keep their height."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from distilpose.structures import PoseOutputs

from .heatmap_grid import HeatmapGrids, move
from .own_crop import OwnCrop, TeacherCrops

_NOTHING, _LEAST = 0.5, 0.7
"""Cells: a smaller blur is left out, and a smaller kernel would not add up to the same between cells."""
_CELLS = _MARGIN = 2.5
"""Sigma in cells of maps that are warped afterwards, at least; sigmas that they reach beyond the teacher's crop."""
_MOST = 0.25
"""Logarithm of how much higher than its cells a peak may be along an axis: that of a gaussian of sigma 0.7."""


class _Blur(NamedTuple):
    """How much each sample's maps are blurred."""

    rates: Tensor
    """(B, 2) cells of the teacher to one of the student's, along x and y of the teacher's maps."""
    stds: Tensor
    """(B, 2) of the blur along x and y, in the teacher's cells."""
    is_left_out: Tensor
    """(B,) whether the gaussians are wide enough already."""


@dataclass(frozen=True)
class HeatmapWidening:
    """Blurs a teacher's heatmaps to gaussians of a sigma in the student's cells.

    The blur is separable. Each map is scaled so that its highest peak, also between cells, is as high as before.
    Maps whose gaussians are as wide already are only resampled. Of several stacks the last is kept.
    """

    sigma: float
    """Of the result, in cells of ``size``."""
    own: float
    """Of the teacher's gaussians, in cells of its heatmaps; 0 if unknown."""
    size: tuple[int, int]
    """(width, height) of the heatmaps for the student's crop: the student's, or the teacher's where it has none."""
    grids: HeatmapGrids
    """``teacher``: of the heatmaps that come in; ``student``: of the result."""

    def on_student(self, outputs: PoseOutputs, *, widened: bool = True) -> PoseOutputs:
        """Outputs of a teacher that takes the student's crop, with heatmaps of the student's grid and size.

        Args:
            outputs: of the teacher.
            widened: ``False`` only moves the heatmaps to the student's grid.
        """
        if outputs.heatmaps is None:
            return outputs
        maps, grids = outputs.heatmaps[-1], self.grids
        with torch.no_grad(), torch.autocast(maps.device.type, enabled=False):
            one = torch.eye(2, device=maps.device, dtype=maps.dtype)[None]
            blur = self._blur(maps, one)
            if not widened or blur.is_left_out.all():
                moved = move(maps, grids.teacher, grids.student, size=self.size if widened else None)
                return outputs._replace(heatmaps=(moved,))
            return outputs._replace(heatmaps=(self._at_cells(maps, one, torch.zeros_like(one[:, 0]), blur),))

    def to_student(self, outputs: PoseOutputs, own_crop: OwnCrop, crops: TeacherCrops) -> PoseOutputs:
        """As :meth:`OwnCrop.to_student`, with widened heatmaps, which reach beyond the teacher's crop.

        Those of a crop that follows the student's are blurred at the student's cells; those of an unaugmented one,
        which may be rotated, on the teacher's grid. Whether a sample is blurred does not depend on its batch.
        """
        if outputs.heatmaps is None:
            return own_crop.to_student(outputs, crops)
        maps, (linear, shift) = outputs.heatmaps[-1], crops.maps.float().split((2, 1), dim=-1)
        shift, blur = shift.squeeze(-1), self._blur(maps, linear)
        if blur.is_left_out.all():
            return own_crop.to_student(outputs, crops)
        with torch.no_grad(), torch.autocast(maps.device.type, enabled=False):
            if own_crop.is_unaugmented:
                drawn, larger = self._with_margin(maps, linear, shift, blur)
                warped = own_crop.to_student(outputs._replace(heatmaps=(drawn,)), crops._replace(maps=larger))
                others = set(outputs.produced()) & {'coords', 'sigmas', 'error_scales', 'simcc'}
                if not others and not blur.is_left_out.any():
                    return warped
                assert warped.heatmaps is not None
                wide = warped.heatmaps[-1]
            else:
                wide = self._at_cells(maps, linear, shift, blur)
            mapped = own_crop.to_student(outputs, crops)
            assert mapped.heatmaps is not None
            found = torch.where(blur.is_left_out[:, None, None, None], mapped.heatmaps[-1], wide)
        return mapped._replace(heatmaps=(found,))

    def describe(self) -> str:
        """``'sigma 1.5 in cells of 24x24, from 1.4 of its own'``."""
        own = f'from {self.own:g} of its own' if self.own else 'its own unknown'
        return f'sigma {self.sigma:g} in cells of {self.size[0]}x{self.size[1]}, {own}'

    def _at_cells(self, maps: Tensor, linear: Tensor, shift: Tensor, blur: _Blur) -> Tensor:
        """Maps of the teacher's grid blurred at the places of the student's cells.

        Args:
            maps: (B, K, H, W).
            linear: (B, 2, 2) without rotation, or (1, 2, 2) for all samples, from fractions of the teacher's crop to
                those of the student's.
            shift: (B, 2) or (1, 2).
            blur: of the samples.
        """
        source, target = self.grids.teacher, self.grids.student
        scale, reach = linear.diagonal(dim1=-2, dim2=-1), linear.new_tensor(source.reach(_size(maps)))
        rates = blur.rates * scale.sign()
        cells = [torch.arange(count, device=maps.device) - target.start for count in self.size]
        places = [cell * rates[:, axis, None] - (shift * reach / scale)[:, axis, None] + source.start
                  for axis, cell in enumerate(cells)]
        return blurred(maps, places, blur.stds.unbind(-1))

    def _with_margin(self, maps: Tensor, linear: Tensor, shift: Tensor, blur: _Blur) -> tuple[Tensor, Tensor]:
        """Widened maps of a crop that is larger than the teacher's, and the map from that to the student's crop.

        Args:
            maps: (B, K, H, W) on the teacher's grid.
            linear: (B, 2, 2) from fractions of the teacher's crop to those of the student's.
            shift: (B, 2)
            blur: of the samples.

        Returns:
            (B, K, h, w), whose cells are larger than the teacher's if gaussians allow it, and (B, 2, 3) affine.
        """
        grid, own, rates = self.grids.teacher, _size(maps), blur.rates
        reach = linear.new_tensor(grid.reach(own))
        narrowest, widest = (self.sigma * torch.stack([rates.amin(0), rates.amax(0)])).tolist()
        margins = [math.ceil(_MARGIN * sigma) for sigma in widest]
        width, height = (math.ceil((count + 2 * margin) / max(sigma / _CELLS, 1.0))
                         for count, margin, sigma in zip(own, margins, narrowest, strict=True))
        beyond = reach.new_tensor(margins) / reach
        fractions = [(torch.arange(count, device=maps.device) - grid.start) / far * (1 + 2 * more) - more
                     for count, far, more in zip((width, height), grid.reach((width, height)), beyond, strict=True)]
        places = [(fraction * far + grid.start).expand(len(rates), -1)
                  for fraction, far in zip(fractions, reach, strict=True)]
        larger = torch.cat([linear * (1 + 2 * beyond), (shift - (linear * beyond).sum(-1))[..., None]], dim=-1)
        return blurred(maps, places, blur.stds.unbind(-1)), larger

    def _blur(self, maps: Tensor, linear: Tensor) -> _Blur:
        """Of maps (B, K, H, W), by ``linear`` (B, 2, 2) from the teacher's crop to the student's."""
        reach, to = (linear.new_tensor(grid.reach(size)) for grid, size in
                     ((self.grids.teacher, _size(maps)), (self.grids.student, self.size)))
        rates = reach / (linear * to[:, None]).norm(dim=1)
        stds = ((self.sigma * rates) ** 2 - self.own ** 2).clamp(min=0).sqrt()
        return _Blur(rates, stds, stds.amax(-1) < _NOTHING)


def blurred(maps: Tensor, places: Sequence[Tensor], stds: Sequence[Tensor]) -> Tensor:
    """Heatmaps convolved with gaussians, at some places; each map keeps the height of its highest peak.

    Beyond the border they count as 0: the half of a gaussian that is left of a joint on the border moves inwards.

    Args:
        maps: (B, K, H, W).
        places: (B, w) columns and (B, h) rows of ``maps``, also between cells and beyond the border.
        stds: along x and y in cells, each (B,); 0.7 is the least. Places and stds of one sample are those of all.

    Returns:
        (B, K, h, w); a map without a value above 0 is not scaled.
    """
    along_x, along_y = (_gaussians(*one, count=count) for *one, count in zip(places, stds, _size(maps), strict=True))
    if len(along_x) == 1:
        wide = along_y[0] @ (maps @ along_x[0].mT)
    else:  # all rows of a sample in one product, which takes half of the time of one for each keypoint
        wide = along_y[:, None] @ (maps.flatten(1, 2) @ along_x.mT).unflatten(1, maps.shape[1:3])
    before, *peak = peaks_of(maps)
    across, down = (_gaussians(*one, count=count) for *one, count in zip(peak, stds, _size(maps), strict=True))
    at_peak = ((down[:, :, None] @ maps).squeeze(2) * across).sum(-1)  # which may lie beyond the places
    after = torch.maximum(peaks_of(wide).height, at_peak)
    factors = torch.where((before > 0) & (after > 0), before / after, 1.0)
    return wide.mul_(factors[..., None, None])


class Peaks(NamedTuple):
    """Highest peaks of heatmaps, between cells."""

    height: Tensor
    """(B, K)"""
    x: Tensor
    """(B, K) columns."""
    y: Tensor
    """(B, K) rows."""


def peaks_of(maps: Tensor) -> Peaks:
    """The highest peak of each map (B, K, H, W), exact for a gaussian wherever its centre is between cells.

    That is the highest cell, moved along each axis to the top of the parabola through the logarithms of it and its
    neighbours.
    """
    height, width = maps.shape[-2:]
    highest, row = maps.amax(-1).max(-1)
    across = maps.gather(2, row[..., None, None].expand(-1, -1, 1, width)).squeeze(2)
    column = across.argmax(-1)
    down = maps.gather(3, column[..., None, None].expand(-1, -1, height, 1)).squeeze(3)
    (x, rise_x), (y, rise_y) = _top(across, column), _top(down, row)
    return Peaks(highest * (rise_x + rise_y).exp(), x, y)


def _top(profile: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """(B, K) place of the parabola's top around the highest cells of profiles (B, K, n), and the logarithm of its rise.

    A cell on the border is not moved.
    """
    count = profile.shape[-1]
    if count < 3:
        return index.to(profile.dtype), torch.zeros_like(profile[..., 0])
    inner = index.clamp(1, count - 2)
    before, at, after = (profile.gather(-1, torch.stack([inner - 1, inner, inner + 1], dim=-1))
                         .clamp(min=1e-10).log().unbind(-1))
    step = 0.5 * (after - before) / (2 * at - before - after).clamp(min=1e-10)
    step = torch.where(inner == index, step.clamp(-0.5, 0.5), 0.0)
    return index + step, (step * (after - before) / 4).clamp(max=_MOST)


def _gaussians(places: Tensor, stds: Tensor, *, count: int) -> Tensor:
    """(B, n, count) gaussians around places (B, n) among ``count`` cells, each with the sum 1 over all integers."""
    cells = torch.arange(count, dtype=stds.dtype, device=stds.device)
    std = stds.clamp(min=_LEAST)[:, None, None]
    return torch.exp(-0.5 * ((places[..., None] - cells) / std) ** 2) / (std * math.sqrt(2 * math.pi))


def _size(maps: Tensor) -> tuple[int, int]:
    return maps.shape[-1], maps.shape[-2]
