"""The fixtures' networks: weights are a function of the published key and shape, so none are stored."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FIXTURES = Path(__file__).parent.parent / 'data' / 'parity'
_SALT = 'distilpose-parity-1'
_INPUT_SEED = 20230304


def fixture(name: str) -> dict[str, np.ndarray]:
    """All entries of one fixture file."""
    with np.load(FIXTURES / f'{name}.npz') as file:
        return dict(file)


def figures(entry: np.ndarray) -> dict[str, float]:
    """An entry that holds JSON."""
    return json.loads(str(entry))


def published_state(keys: np.ndarray | str) -> dict[str, Tensor]:
    """The reference network's state dict under its published keys, without the sine tables."""
    shapes = {key: tuple(shape) for key, shape in json.loads(str(keys)) if not key.endswith('pos_embedding')}
    return {key: torch.as_tensor(_reference_tensor(key, shape)) for key, shape in shapes.items()}


def images(shape: np.ndarray) -> Tensor:
    """The fixtures' batch of normalised images (B, 3, H, W)."""
    values = np.random.RandomState(_INPUT_SEED).standard_normal(tuple(int(n) for n in shape))
    return torch.as_tensor(values.astype(np.float32))


def _reference_tensor(key: str, shape: tuple[int, ...]) -> np.ndarray:
    if key.endswith('num_batches_tracked'):
        return np.zeros(shape, dtype=np.int64)
    seed = zlib.crc32(f'{_SALT}/{key}'.encode()) & 0xFFFFFFFF
    noise = np.random.RandomState(seed).standard_normal(shape)
    is_backbone_norm = any(part in key for part in ('backbone', 'bn', 'downsample'))
    if key.endswith('running_var'):
        noise = 1.0 + 0.1 * np.abs(noise)
    elif key.endswith('running_mean'):
        noise = 0.1 * noise
    elif key.endswith('keypoint_token'):
        noise = 0.5 * noise
    elif len(shape) == 4:
        noise = noise * math.sqrt(2.0 / math.prod(shape[1:]))
    elif len(shape) == 2:
        noise = noise / math.sqrt(shape[1])
    elif key.endswith('weight'):
        noise = (0.5 if is_backbone_norm else 1.0) + 0.05 * noise
    else:
        noise = 0.05 * noise
    return np.asarray(noise, dtype=np.float32)
