"""Batched heatmap decoding, with mmpose's rules and without its loops over samples and keypoints.

Maps are searched, blurred and read where they lie. What that gives, a few numbers of a joint, goes to the host in one
piece, where the arithmetic is mmpose's, in its order and precision.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from distilpose.errors import DistilPoseError

Joints = tuple[np.ndarray, np.ndarray]
"""(B, K, 2) x and y in cells, -1 where no cell is above 0, and (B, K) the values of the highest cells."""


def can_decode(heatmaps: Any) -> bool:
    """Whether these are heatmaps (B, K, H, W) of which mmpose makes the same joints and scores as this module."""
    return (isinstance(heatmaps, Tensor) and heatmaps.dim() == 4 and heatmaps.numel() > 0 and not heatmaps.is_meta
            and heatmaps.dtype in (torch.float32, torch.bfloat16) and heatmaps.layout is torch.strided)


def highest_cells(heatmaps: Tensor) -> Joints:
    """The highest cell of every map, the first one of several, as mmpose's ``get_heatmap_maximum``.

    Args:
        heatmaps: (B, K, H, W) of any floating type.
    """
    heatmaps = heatmaps.detach().float()
    places = _peaks(heatmaps)
    joints, scores, _ = _to_host(places, _read(heatmaps, places, (0,)), width=heatmaps.shape[-1])
    return joints, scores


def quarter_offset(heatmaps: Tensor) -> Joints:
    """Highest cells, moved by a quarter towards the higher neighbour, as mmpose's ``refine_keypoints``.

    Args:
        heatmaps: (B, K, H, W) of any floating type.
    """
    heatmaps = heatmaps.detach().float()
    height, width = heatmaps.shape[-2:]
    places = _peaks(heatmaps)
    joints, scores, around = _to_host(places, _read(heatmaps, places, (0, 1, width, -1, -width)), width=width)
    inside = (joints > 1) & (joints < (width - 1, height - 1)) & (joints[..., ::-1] > 0)
    return joints + 0.25 * np.where(inside, np.sign(around[..., :2] - around[..., 2:]), 0), scores


def dark(heatmaps: Tensor, *, blur_kernel_size: int) -> Joints:
    """Highest cells after a Newton step on the log of the blurred map (Zhang et al., CVPR 2020).

    As mmpose's ``refine_keypoints_dark``: no step where second differences leave the map or are singular.

    Args:
        heatmaps: (B, K, H, W) of any floating type.
        blur_kernel_size: odd, in cells.
    """
    heatmaps = heatmaps.detach().float()
    height, width = heatmaps.shape[-2:]
    places = _peaks(heatmaps)
    readings = _read(_blurred(heatmaps, blur_kernel_size), places,
                     (0, 1, -1, width, -width, 2, -2, 2 * width, -2 * width,
                      width + 1, 1 - width, width - 1, -1 - width))
    joints, scores, around = _to_host(places, _read(heatmaps, places, (0,)), readings, width=width)
    (centre, right, left, below, above, right_2, left_2, below_2, above_2,
     below_right, above_right, below_left, above_left) = np.moveaxis(np.log(np.maximum(around, 1e-10)), -1, 0)
    step = _newton_step(0.5 * (right - left), 0.5 * (below - above),
                        dxx=0.25 * (right_2 - 2 * centre + left_2),
                        dxy=0.25 * (below_right - above_right - below_left + above_left),
                        dyy=0.25 * (below_2 - 2 * centre + above_2))
    inside = ((joints > 1) & (joints < (width - 2, height - 2))).all(axis=-1, keepdims=True)
    return np.where(inside, joints + step, joints), scores


def dark_udp(heatmaps: Tensor, *, blur_kernel_size: int) -> Joints:
    """Highest cells after UDP's Newton step on the log of the blurred map (Huang et al., CVPR 2020).

    As mmpose's ``refine_keypoints_dark_udp``, also where no cell is above 0: a joint at -1 is moved by what lies
    beside that place in memory, and is not a number where its map is empty.

    Args:
        heatmaps: (B, K, H, W) of any floating type.
        blur_kernel_size: odd, in cells.
    """
    heatmaps = heatmaps.detach().float()
    width = heatmaps.shape[-1]
    places = _peaks(heatmaps)
    highest = _read(heatmaps, places, (0,))
    row = width + 2
    in_padded = (places + 2 * (places // width) + row + 1).masked_fill_(highest[..., 0] <= 0, 0)
    readings = _read(_blurred(heatmaps, blur_kernel_size, padding=1), in_padded,
                     (0, 1, -1, row, -row, row + 1, -row - 1))
    joints, scores, around = _to_host(places, highest, readings, width=width)
    centre, right, left, below, above, below_right, above_left = np.moveaxis(np.log(np.clip(around, 1e-3, 50.0)), -1, 0)
    regular = np.float64(np.finfo(np.float32).eps)
    step = _newton_step(0.5 * (right - left), 0.5 * (below - above),
                        dxx=right - 2 * centre + left + regular,
                        dxy=0.5 * (below_right - right - below + centre + centre - left - above + above_left),
                        dyy=below - 2 * centre + above + regular)
    return (joints + step).astype(np.float32), scores


def _peaks(heatmaps: Tensor) -> Tensor:
    """(B, K) places ``y * W + x`` of the highest cells, the first ones in memory."""
    cells = heatmaps.flatten(2)
    if cells.device.type == 'cpu':  # where numpy takes a tenth of torch's time
        return torch.from_numpy(cells.numpy().argmax(-1))
    return cells.argmax(-1)


def _blurred(heatmaps: Tensor, size: int, *, padding: int = 0) -> Tensor:
    """Maps after OpenCV's gaussian blur with zeros around them, scaled to the maxima that they had.

    Args:
        heatmaps: (B, K, H, W).
        size: of the kernel.
        padding: how often the first and last rows and columns of the blurred maps come again outside of them.
    """
    height, width = heatmaps.shape[-2:]
    with torch.autocast(heatmaps.device.type, enabled=False):
        along_x = heatmaps @ _blur_matrix(width, size, padding, heatmaps.device).T
        blurred = _blur_matrix(height, size, padding, heatmaps.device) @ along_x
    return blurred.mul_(heatmaps.amax((-2, -1), keepdim=True) / blurred.amax((-2, -1), keepdim=True))


@lru_cache(maxsize=32)
def _blur_matrix(cells: int, size: int, padding: int, device: torch.device) -> Tensor:
    """(cells + 2 x padding, cells) whose rows are OpenCV's gaussian kernel around the diagonal.

    Products with it are faster than torch's convolutions of a single channel, which on CUDA may round to 10 bits.
    """
    if size % 2 != 1:
        raise DistilPoseError(f'blur_kernel_size={size}; a kernel has a middle, so give the codec an odd number')
    kernel = np.pad(cv2.getGaussianKernel(size, 0, cv2.CV_32F)[:, 0], cells)
    distances = np.subtract.outer(np.arange(cells), np.arange(cells))
    rows = np.pad(kernel[distances + cells + size // 2], ((padding, padding), (0, 0)), mode='edge')
    return torch.from_numpy(rows).to(device)


def _read(maps: Tensor, places: Tensor, steps: tuple[int, ...]) -> Tensor:
    """Values (B, K, N) of maps (B, K, H, W), N steps in memory away from places (B, K).

    As with flat indices of numpy, a sample's maps follow each other, and its first one follows its last one.
    """
    cells = maps.flatten(1)
    indices = (places[..., None] + _offsets(*maps.shape[1:], steps, maps.device)).remainder_(cells.shape[1])
    return cells.gather(1, indices.flatten(1)).view(indices.shape)


@lru_cache(maxsize=32)
def _offsets(joints: int, height: int, width: int, steps: tuple[int, ...], device: torch.device) -> Tensor:
    """(K, N) places of the first cells of maps, and steps away from them."""
    first = torch.arange(joints)[:, None] * (height * width)
    return (first + torch.tensor(steps)).to(device)


def _to_host(places: Tensor, *readings: Tensor, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints (B, K, 2) at their places, and readings: scores (B, K), which come first, and the others (B, K, N).

    In one transfer of float32, which holds places exactly in maps of up to 16 million cells.
    """
    numbers = torch.cat((places[..., None].float(), *readings), dim=-1).cpu().numpy()
    y, scores = numbers[..., 0] // width, numbers[..., 1]
    joints = np.stack((numbers[..., 0] - width * y, y), axis=-1)
    joints[scores <= 0] = -1
    return joints, scores, numbers[..., 2:]


def _newton_step(dx: np.ndarray, dy: np.ndarray, *, dxx: np.ndarray, dxy: np.ndarray,
                 dyy: np.ndarray) -> np.ndarray:
    """(..., 2) from first and second derivatives to where the first vanish; 0 where the second are singular."""
    determinant = dxx * dyy - dxy * dxy
    determinant = np.where(determinant == 0, np.inf, determinant)
    return np.stack(((dxy * dy - dyy * dx) / determinant, (dxy * dx - dxx * dy) / determinant), axis=-1)
