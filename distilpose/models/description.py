"""A network and its size in a line."""

from __future__ import annotations

from typing import Any

from torch import nn


def describe_network(model: Any) -> str:
    """``'ResNet, RegressionHead, 23.6 M parameters, 0.2 M of which learn'``; a network may describe itself."""
    if hasattr(model, 'describe'):
        return model.describe()
    parts = [type(part).__name__ for part in (getattr(model, 'backbone', None), getattr(model, 'head', None))
             if isinstance(part, nn.Module)]
    total = sum(parameter.numel() for parameter in model.parameters())
    learnt = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    size = f'{total / 1e6:.3g} M parameters'
    if 0 < learnt < total:
        size += f', {learnt / 1e6:.3g} M of which learn'
    return ', '.join([*(parts or [type(model).__name__]), size])
