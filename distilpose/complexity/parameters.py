"""Counting parameters."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn


class ParameterCount(NamedTuple):
    """Numbers in all parameters of a model, a shared one counted once; buffers are not parameters."""

    all: int
    trainable: int
    """Of those that require a gradient: a frozen position table is not among them."""


def count_parameters(model: nn.Module) -> ParameterCount:
    """Counts the numbers in a model's parameters."""
    sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    return ParameterCount(all=sum(size for size, _ in sizes),
                          trainable=sum(size for size, requires_grad in sizes if requires_grad))
