"""The fixed two-dimensional sine position table of TokenPose."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sine_position_table(width: int, height: int, *, dim: int) -> Tensor:
    """Sine and cosine of row and column, as TokenPose and DistilPose use them.

    Rows and columns count from 1 and are scaled to one full turn; the first half of the channels describes
    the row, the second half the column, even channels with the sine and odd ones with the cosine.

    Args:
        width: number of columns of the token grid.
        height: number of rows of the token grid.
        dim: token width, divisible by 4.

    Returns:
        (1, height * width, dim), row-major.
    """
    half = dim // 2
    frequency = 10000.0 ** (2 * torch.div(torch.arange(half), 2, rounding_mode='floor') / half)

    def encode(count: int) -> Tensor:
        angle = torch.arange(1, count + 1, dtype=torch.float32) / (count + 1e-6) * 2 * math.pi
        phase = angle[:, None] / frequency
        return torch.stack((phase[:, 0::2].sin(), phase[:, 1::2].cos()), dim=2).flatten(1)

    rows = encode(height)[:, None].expand(height, width, half)
    columns = encode(width)[None].expand(height, width, half)
    return torch.cat((rows, columns), dim=2).reshape(1, height * width, dim)
