"""How a task loss is called: by its type, as what the losses of mmpose take differs."""

from __future__ import annotations

from functools import singledispatch

import torch
from mmpose.models.losses import RLELoss
from torch import Tensor, nn

from distilpose.structures import PoseOutputs


@singledispatch
def coordinate_loss(loss: nn.Module, outputs: PoseOutputs, targets: Tensor, weights: Tensor) -> Tensor:
    """The task loss of regressed coordinates.

    Args:
        loss: its type says what it is given.
        outputs: of the head.
        targets: (B, K, 2) in [0, 1].
        weights: (B, K, 1), 0 where a joint is not labelled.

    Returns:
        A scalar.
    """
    return loss(outputs.coords, targets, weights)


@coordinate_loss.register
def _(loss: RLELoss, outputs: PoseOutputs, targets: Tensor, weights: Tensor) -> Tensor:
    """Residual log-likelihood estimation (Li et al., ICCV 2021); its flow overflows in half precision."""
    assert outputs.coords is not None and outputs.error_scales is not None
    with torch.autocast(targets.device.type, enabled=False):
        return loss(outputs.coords.float(), outputs.error_scales.float(), targets, weights)
