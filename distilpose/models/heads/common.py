"""Head utilities: initialisation, keypoint weights, accuracy, last layers in float32."""

from __future__ import annotations

import torch
from torch import Tensor, nn

TOKEN_HEAD_INIT = [
    dict(type='TruncNormal', std=0.02, layer='Linear'),
    dict(type='Constant', val=1, layer='LayerNorm'),
]
"""Initialisation of the published token heads."""


def keypoint_weights(batch_data_samples: list) -> Tensor:
    """Ground-truth keypoint weights (B, K) of a batch of data samples, 0 where a joint is not labelled."""
    return torch.cat([sample.gt_instance_labels.keypoint_weights for sample in batch_data_samples])


@torch.no_grad()
def share_within(errors: Tensor, weights: Tensor) -> Tensor:
    """Share of labelled joints whose error (B, K, 2), a fraction of the sides, is at most 5 %; 0 without any."""
    labelled = weights > 0
    hits = (errors.norm(dim=-1) <= 0.05) & labelled
    return hits.sum() / labelled.sum().clamp(min=1)


def read_in_float32(readout: nn.Module, tokens: Tensor) -> Tensor:
    """Applies the last layers outside of autocast: half precision there costs up to a pixel."""
    if tokens.is_meta:  # no precision to lose, and autocast does not support the device
        return readout(tokens)
    with torch.autocast(tokens.device.type, enabled=False):
        return readout(tokens.float())
