"""Labels for tests."""

from __future__ import annotations

import torch
from torch import Tensor

from distilpose.structures import Labels


def labels(weights: Tensor) -> Labels:
    """Those of images that all have annotations, with these weights (B, K)."""
    return Labels(weights, torch.ones(len(weights), dtype=torch.bool))
