"""Decoding in the ONNX graph: joints and scores of any head, by operations of torch that ONNX has."""

from __future__ import annotations

from typing import Any

import cv2
import torch
from mmpose.codecs import UDPHeatmap
from torch import Tensor
from torch.nn import functional as F

from distilpose.codecs import UnrefinedHeatmap
from distilpose.distillation.heatmap_grid import COMMON_GRID, grid_of
from distilpose.distillation.teachers.decoding import certainty_of, coordinates_of
from distilpose.models.heads.simcc import SimCCHeadMixin
from distilpose.structures import PoseOutputs


def decode(outputs: PoseOutputs, *, head: Any) -> tuple[Tensor, Tensor]:
    """Coordinates (B, K, 2) as fractions of the crop, and scores (B, K, 1), both as the head's codec means them."""
    decoder = getattr(head, 'decoder', None)
    if outputs.heatmaps is not None:
        maps = outputs.heatmaps[-1]
        coords, scores = _heatmap_coordinates(outputs, decoder), maps.amax((-2, -1))
        if grid_of(decoder) != COMMON_GRID:  # mmpose maps joints of UDP as if its last cell were the crop's edge
            coords = coords * coords.new_tensor([side / (side - 1) for side in (maps.shape[-1], maps.shape[-2])])
    elif outputs.simcc is not None:
        axes = outputs.simcc
        if isinstance(head, SimCCHeadMixin):
            axes = axes[0].softmax(-1), axes[1].softmax(-1)
            scores = torch.maximum(axes[0].amax(-1), axes[1].amax(-1))
        else:
            scores = torch.minimum(axes[0].amax(-1), axes[1].amax(-1))
        coords = coordinates_of(PoseOutputs(simcc=axes))
    else:
        coords, scores = coordinates_of(outputs), certainty_of(outputs)
        scores = scores if outputs.scores is None else outputs.scores[..., 0]
    return coords, scores.unsqueeze(-1)


def dark(heatmaps: Tensor, *, kernel: int, udp: bool) -> Tensor:
    """Cells (B, K, 2) of the peaks of heatmaps (B, K, H, W): a Newton step on the log of the blurred map.

    As mmpose's ``refine_keypoints_dark`` (Zhang et al., CVPR 2020) and ``refine_keypoints_dark_udp`` (Huang et al.,
    CVPR 2020). -1 where no cell is above 0.

    Args:
        heatmaps: the maps.
        kernel: cells of the blur.
        udp: differences between neighbours, also at the border; else between cells two apart, and no step near it.
    """
    height, width = heatmaps.shape[-2:]
    highest, place = heatmaps.flatten(2).max(-1)
    column, row = place % width, place // width
    blurred = _blur(heatmaps, kernel)
    blurred = blurred * (highest / blurred.amax((-2, -1)))[..., None, None]
    logs = (blurred.clamp(1e-3, 50.0) if udp else blurred.clamp(min=1e-10)).log()
    border = 1 if udp else 2
    padded = F.pad(logs, (border,) * 4, mode='replicate').flatten(2)
    pitch = width + 2 * border
    start = (row + border) * pitch + column + border

    def at(along_x: int, along_y: int) -> Tensor:
        return padded.gather(2, (start + along_y * pitch + along_x)[..., None]).squeeze(-1).double()  # as mmpose

    slope_x, slope_y = 0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))
    if udp:
        xx, yy = at(1, 0) - 2 * at(0, 0) + at(-1, 0), at(0, 1) - 2 * at(0, 0) + at(0, -1)
        xy = 0.5 * (at(1, 1) - at(1, 0) - at(0, 1) + 2 * at(0, 0) - at(-1, 0) - at(0, -1) + at(-1, -1))
        xx, yy = xx + torch.finfo(torch.float32).eps, yy + torch.finfo(torch.float32).eps
    else:
        xx, yy = 0.25 * (at(2, 0) - 2 * at(0, 0) + at(-2, 0)), 0.25 * (at(0, 2) - 2 * at(0, 0) + at(0, -2))
        xy = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1))
    determinant = xx * yy - xy * xy
    steps = torch.stack([yy * slope_x - xy * slope_y, xx * slope_y - xy * slope_x], dim=-1)
    is_singular = determinant == 0
    steps = steps / determinant.masked_fill(is_singular, 1.0)[..., None]
    stays = is_singular | (highest <= 0)
    if not udp:
        stays = stays | (column <= 1) | (column >= width - 2) | (row <= 1) | (row >= height - 2)
    steps = steps.masked_fill(stays[..., None], 0.0).to(heatmaps.dtype)
    cells = torch.stack([column, row], dim=-1).to(heatmaps.dtype) - steps
    return cells.masked_fill(highest[..., None] <= 0, -1.0)


def _blur(maps: Tensor, kernel: int) -> Tensor:
    """As ``cv2.GaussianBlur(map, (kernel, kernel), 0)`` with zeros beyond the border."""
    weights = torch.from_numpy(cv2.getGaussianKernel(kernel, 0, cv2.CV_32F))  # not of a formula up to 9 cells
    single = maps.flatten(0, 1).unsqueeze(1)
    single = F.conv2d(single, weights.view(1, 1, 1, kernel), padding=(0, kernel // 2))
    single = F.conv2d(single, weights.view(1, 1, kernel, 1), padding=(kernel // 2, 0))
    return single.view(-1, *maps.shape[1:])


def _heatmap_coordinates(outputs: PoseOutputs, decoder: Any) -> Tensor:
    assert outputs.heatmaps is not None
    maps = outputs.heatmaps[-1]
    if isinstance(decoder, UnrefinedHeatmap):
        return coordinates_of(outputs, refinement='none')
    is_udp = isinstance(decoder, UDPHeatmap)
    if is_udp or getattr(decoder, 'unbiased', False):
        cells = dark(maps, kernel=decoder.blur_kernel_size, udp=is_udp)
        return cells / cells.new_tensor([maps.shape[-1], maps.shape[-2]])
    return coordinates_of(outputs, refinement='quarter')
