from __future__ import annotations

import math

import torch

from distilpose.models.layers import sine_position_table


def test_follows_the_published_formula_entry_by_entry() -> None:
    width, height, dim = 3, 5, 16
    table = sine_position_table(width, height, dim=dim)[0]
    for row in range(height):
        for column in range(width):
            for channel in range(dim):
                count, size = (row + 1, height) if channel < dim // 2 else (column + 1, width)
                i = channel % (dim // 2)
                angle = 2 * math.pi * count / (size + 1e-6) / 10000 ** (2 * (i // 2) / (dim // 2))
                expected = math.sin(angle) if i % 2 == 0 else math.cos(angle)
                assert abs(table[row * width + column, channel].item() - expected) < 1e-5


def test_shape_and_distinct_positions() -> None:
    table = sine_position_table(16, 16, dim=192)
    assert table.shape == (1, 256, 192)
    assert len(torch.unique(table[0], dim=0)) == 256
