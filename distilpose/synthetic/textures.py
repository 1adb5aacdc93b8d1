"""Tiles of noise that are made once and looked up everywhere."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

TILE = 256
_SEED = 20230  # the tiles are part of the generator: the same for every data set


@lru_cache(maxsize=1)
def cloudy_tile() -> NDArray[np.float32]:
    """Smooth noise in [-1, 1] with large and small features, (256, 256), seamless."""
    rng = np.random.default_rng(_SEED)
    total = np.zeros((TILE, TILE), np.float32)
    for sigma, share in ((32.0, 1.0), (12.0, 0.6), (4.0, 0.35), (1.0, 0.2)):
        noise = np.tile(rng.standard_normal((TILE, TILE)).astype(np.float32), (3, 3))
        smooth = cv2.GaussianBlur(noise, (0, 0), sigma)[TILE : 2 * TILE, TILE : 2 * TILE]
        total += np.float32(share) * smooth / smooth.std()
    return np.asarray(np.clip(total / (2.5 * total.std()), -1.0, 1.0), np.float32)


@lru_cache(maxsize=1)
def fine_tile() -> NDArray[np.float32]:
    """Grain like grass or carpet in [-1, 1], (256, 256), seamless."""
    rng = np.random.default_rng(_SEED + 1)
    noise = np.tile(rng.standard_normal((TILE, TILE)).astype(np.float32), (2, 2))
    smooth = cv2.GaussianBlur(noise, (0, 0), 0.8)[64 : 64 + TILE, 64 : 64 + TILE]
    return np.asarray(np.clip(smooth / (2.5 * smooth.std()), -1.0, 1.0), np.float32)


@lru_cache(maxsize=4)
def sensor_noise(side: int) -> NDArray[np.float32]:
    """Normal noise of unit deviation, (side, side, 3)."""
    return np.random.default_rng(_SEED + 2).standard_normal((side, side, 3), dtype=np.float32)


def look_up(tile: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values of a tile at positions in tiles, endlessly repeated."""
    columns = (u * np.float32(TILE)).astype(np.int32) & (TILE - 1)
    rows = (v * np.float32(TILE)).astype(np.int32) & (TILE - 1)
    return np.asarray(tile.ravel()[rows * TILE + columns])
