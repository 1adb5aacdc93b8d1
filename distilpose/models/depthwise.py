"""Depthwise convolutions of a training in float32, also under autocast on a CPU."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn


def compute_depthwise_in_float32(model: nn.Module) -> None:
    """Patches the depthwise convolutions of a model: where a CPU trains them under autocast, they are in float32.

    In bfloat16 torch's gradient of their weights takes five to seven times as long on a CPU (torch 2.13, Xeon with
    AMX), and the forward pass no less. Outputs are in the type of autocast as before; elsewhere nothing changes.

    Args:
        model: of a training; the names in its state dict stay.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels:
            module.forward = partial(_forward, module)  # type: ignore[method-assign]


def _forward(self: nn.Conv2d, images: Tensor) -> Tensor:
    """As the convolution, (B, C, H, W) to (B, C', H', W')."""
    plain = type(self).forward
    if not (images.device.type == 'cpu' and torch.is_autocast_enabled('cpu') and torch.is_grad_enabled()):
        return plain(self, images)
    with torch.autocast('cpu', enabled=False):
        return plain(self, images.float()).to(torch.get_autocast_dtype('cpu'))
