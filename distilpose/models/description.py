"""Summary of a network: backbone, head and number of parameters in one line."""

from __future__ import annotations

from typing import Any

from torch import nn


def describe_network(model: Any) -> str:
    """``'ResNet, RegressionHead, 23.6 M parameters, 0.2 M of which learn'``; or the network's own ``describe()``."""
    if hasattr(model, 'describe'):
        return model.describe()
    names = [type(module).__name__ for module in (getattr(model, 'backbone', None), getattr(model, 'head', None))
             if isinstance(module, nn.Module)]
    total = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    size = f'{total / 1e6:.3g} M parameters'
    if 0 < trained < total:
        size += f', {trained / 1e6:.3g} M of which learn'
    return ', '.join([*(names or [type(model).__name__]), size])
