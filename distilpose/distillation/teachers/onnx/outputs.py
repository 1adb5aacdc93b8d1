"""Outputs of an ONNX file as PoseOutputs: conversion of heatmaps, SimCC and coordinates, and checks of their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

from ...heatmap_grid import HeatmapGrid, move
from .session import Port

_FAR = 2.0
"""Sides of the crop within which joints lie, and a height that no heatmap of peak 1 has."""
_SUM_TOLERANCE = 1e-2
"""Of a row of probabilities, which a file of float16 rounds."""


@dataclass(frozen=True)
class OutputReading:
    """How the tensors of some outputs become :class:`~distilpose.structures.PoseOutputs`."""

    kind: str
    ports: tuple[Port, ...]
    keypoints: int
    size: tuple[int, int]
    """(width, height) of the images."""
    cells: tuple[int, int] | None = None
    """(width, height) of heatmaps, or bins along x and y."""
    layout: str = 'nchw'
    grid: str = 'i/n'
    values: str | None = None
    unit: str = 'fractions'
    columns: tuple[str, ...] = ()

    @property
    def heatmap_grid(self) -> HeatmapGrid:
        """Of the heatmaps, as they come out of the file."""
        return HeatmapGrid(self.grid, self.size if self.grid == 'udp' else None)

    def read(self, values: Sequence[Tensor], *, own_grid: bool = False) -> PoseOutputs:
        """The tensors of the ports, batch first, as outputs in float32 on the common conventions.

        Heatmaps are moved to the common grid unless they stay on their own.
        """
        values = [value.float() for value in values]
        if self.kind == 'heatmaps':
            return PoseOutputs(heatmaps=tuple(self._heatmaps(value, own_grid=own_grid) for value in values))
        if self.kind == 'simcc':
            along_x, along_y = (self._bins(value) for value in values)
            return PoseOutputs(simcc=(along_x, along_y))
        return self._coordinates(values)

    def _heatmaps(self, maps: Tensor, *, own_grid: bool) -> Tensor:
        maps = maps.movedim(-1, 1).contiguous() if self.layout == 'nhwc' else maps
        maps = maps.sigmoid() if self.values == 'logits' else maps
        return maps if own_grid else move(maps, self.heatmap_grid)

    def _bins(self, rows: Tensor) -> Tensor:
        return rows.clamp_min(torch.finfo(rows.dtype).tiny).log() if self.values == 'probabilities' else rows

    def _coordinates(self, values: Sequence[Tensor]) -> PoseOutputs:
        points = values[0].reshape(len(values[0]), self.keypoints, len(self.columns))
        coords = torch.stack([points[..., self.columns.index(axis)] / (side if self.unit == 'pixels' else 1)
                              for axis, side in zip('xy', self.size, strict=True)], dim=-1)
        scores = values[1].reshape(len(points), self.keypoints, 1) if len(values) > 1 else None
        if scores is None and 'score' in self.columns:
            scores = points[..., self.columns.index('score')].unsqueeze(-1)
        if scores is not None and self.values == 'logits':
            scores = scores.sigmoid()
        return PoseOutputs(coords=coords, scores=scores)

    def __str__(self) -> str:
        """``"heatmaps of 17 keypoints (output 'maps'), 64x64 (width x height), grid i/n"``."""
        names = ' and '.join(repr(port.name) for port in self.ports)
        words = [f'{self.kind} of {self.keypoints} keypoints (output{"s" * (len(self.ports) > 1)} {names})']
        if self.kind == 'heatmaps' and self.cells:
            words += [f'{self.cells[0]}x{self.cells[1]} (width x height), grid {self.grid}']
            words += ['of which the sigmoid is taken'] * (self.values == 'logits')
        elif self.kind == 'simcc' and self.cells:
            words += [f'{self.cells[0]} bins along x and {self.cells[1]} along y', str(self.values)]
            words[-1] += ', of which the logarithm is taken' * (self.values == 'probabilities')
        else:
            words += [f'columns {" ".join(self.columns)}', f'in {self.unit}']
            has_scores = len(self.ports) > 1 or 'score' in self.columns
            words += [('the sigmoid of its scores' if self.values == 'logits' else 'scores as they are')
                      if has_scores else 'without scores']
        return ', '.join(words)


def check_unit(reading: OutputReading, coords: Tensor, *, entry: str) -> None:
    """Refuses coordinates that cannot be of the unit that was declared.

    Args:
        reading: of the file.
        coords: (B, K, 2) what it read for some images, as fractions of the crop.
        entry: where the config describes the outputs, for messages.

    Raises:
        DistilPoseError: they look like another unit.
    """
    values = coords if reading.unit == 'fractions' else coords * coords.new_tensor(reading.size)
    typical = float(values.abs().median())
    if reading.unit == 'fractions' and typical > _FAR:
        other, place = 'pixels', 'far outside of the crop'
    elif reading.unit == 'pixels' and typical <= 1:
        other, place = 'fractions', 'in the first pixel'
    else:
        return
    raise DistilPoseError(f'the coordinates of {reading.ports[0].name} are around {typical:.3g}, {place}, and '
                          f'{entry}.unit is {reading.unit!r}; expected {other!r}')


def doubt_heatmaps(maps: Tensor) -> str | None:
    """What is strange about heatmaps (B, K, H, W), whose peaks should be certainties of 0 to 1; for the log."""
    low, high = float(maps.min()), float(maps.max())
    if is_distribution(maps.flatten(2)):
        return (f'every heatmap sums to 1, as after a softmax over its cells: its peak (at most {high:.3g} here) is no '
                'certainty, and terms that compare heatmaps see nearly empty ones. Coordinates can be learned from it '
                '(--method coordinates); for the rest, export the network without its softmax')
    if low < -1 or high > _FAR:
        return (f"its heatmaps go from {low:.3g} to {high:.3g} on noise, and peaks of 0 to 1 are expected; if the "
                "network ends without its sigmoid, set outputs.values='logits'")
    return None


def is_distribution(rows: Tensor) -> bool:
    """Whether rows (..., N) are probabilities: none is negative, and each sums to 1."""
    rows = rows.float()
    return bool((rows >= 0).all()) and bool((rows.sum(-1) - 1).abs().max() <= _SUM_TOLERANCE)
