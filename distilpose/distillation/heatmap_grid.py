"""Heatmap grid: the position of each heatmap cell in the crop, and resampling from one grid to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from torch import Tensor

from distilpose.codecs import TokenPoseHeatmap

from .image_adapter import resample


@dataclass(frozen=True)
class HeatmapGrid:
    """Where the cells of heatmaps lie: along both axes ``cell = fraction * reach + start``.

    A fraction is one of the crop's width or height: pixel ``i`` of n stands for ``i / n``, whether the crop was cut by
    UDP or not. What a cell stands for is the codec's alone.
    """

    kind: str = 'i/n'
    """``'i/n'`` where cell ``i`` of n stands for the fraction ``i / n``, as in ``MSRAHeatmap``; ``'centers'`` where it
    stands for ``(i + 0.5) / n``; ``'udp'`` where the last cell is on the last pixel, as in ``UDPHeatmap``."""
    input_size: tuple[int, int] | None = None
    """(width, height) of the crop in pixels, on which ``'udp'`` depends."""

    @property
    def start(self) -> float:
        """The cell of the fraction 0."""
        return -0.5 if self.kind == 'centers' else 0.0

    def reach(self, size: tuple[int, int]) -> tuple[float, float]:
        """(x, y) cells between the fractions 0 and 1.

        Args:
            size: (width, height) of the heatmaps.
        """
        if self.kind != 'udp' or self.input_size is None:
            return float(size[0]), float(size[1])
        (width, height), (columns, rows) = self.input_size, size
        return width * (columns - 1) / (width - 1), height * (rows - 1) / (height - 1)


COMMON_GRID = HeatmapGrid()
"""That of ``MSRAHeatmap``, ``cell = fraction * size``: the one on which a teacher's heatmaps come."""


class HeatmapGrids(NamedTuple):
    """The grids of a pair, see :func:`~distilpose.distillation.pairing.choose_grids`."""

    student: HeatmapGrid = COMMON_GRID
    """Of the student's heatmaps."""
    teacher: HeatmapGrid = COMMON_GRID
    """Of the heatmaps that the teacher returns: the common one or its own."""
    target: HeatmapGrid = COMMON_GRID
    """Of the teacher's heatmaps that terms compare with."""

    @property
    def keeps_own_grid(self) -> bool:
        """Whether the teacher leaves its heatmaps on its own grid."""
        return self.teacher != COMMON_GRID


COMMON_GRIDS = HeatmapGrids()
"""Of a pair whose heatmaps are all on the common one."""


def grid_of(decoder: Any) -> HeatmapGrid | None:
    """The grid of a codec's heatmaps; the common one of a head that has no codec.

    ``None`` for codecs whose maps are not gaussians of peak 1, such as UDP's heatmaps with offsets.
    """
    if isinstance(decoder, TokenPoseHeatmap) or (isinstance(decoder, UDPHeatmap)
                                                 and decoder.heatmap_type == 'gaussian'):
        return HeatmapGrid('udp', (int(decoder.input_size[0]), int(decoder.input_size[1])))
    return COMMON_GRID if decoder is None or isinstance(decoder, MSRAHeatmap) else None


def sigma_of(decoder: Any) -> float | None:
    """Sigma of the gaussians of a codec's heatmaps, in cells; ``None`` for other codecs, and without one."""
    return float(decoder.sigma) if decoder is not None and grid_of(decoder) is not None else None


def describe_codec(decoder: Any) -> str:
    """``'UDPHeatmap (combined)'``, for messages."""
    kind = getattr(decoder, 'heatmap_type', None)
    return type(decoder).__name__ if kind is None else f'{type(decoder).__name__} ({kind})'


def move(heatmaps: Tensor, source: HeatmapGrid, target: HeatmapGrid = COMMON_GRID, *,
         size: tuple[int, int] | None = None) -> Tensor:
    """Heatmaps of one grid on another, bilinear and at once; a gaussian keeps its place in the crop.

    Between the cells of a gaussian of sigma 2 that is up to 1 / 32 too low along either axis. Maps of this grid and of
    this size are returned as they are. UDP's last column and row are 3 / 4 of a cell (of 4 pixels) beyond those of
    ``MSRAHeatmap``, and get their values: there alone, within the last cell, a peak may be up to 3 / 4 of a cell off.

    Args:
        heatmaps: (B, K, H, W).
        source: their grid.
        target: a grid whose first cell stands for the fraction 0.
        size: (width, height) of the result, by default that of ``heatmaps``.

    Returns:
        (B, K, height, width); border values beyond the border.
    """
    own = heatmaps.shape[-1], heatmaps.shape[-2]
    size = size or own
    if source == target and size == own:
        return heatmaps
    reach_x, reach_y = (far * (count / to) for far, count, to in
                        zip(source.reach(own), size, target.reach(size), strict=True))
    return resample(heatmaps, size, reach=(reach_x, reach_y), start=source.start)
