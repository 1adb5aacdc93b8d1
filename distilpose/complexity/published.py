"""Counting the way a publication counted, so that its figures can be compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import nn

from .forward_pass import undisturbed


@dataclass(frozen=True)
class PublishedStyle:
    """A published counter."""

    meaning: str
    """What is counted, for the reader of the figure."""
    giga: float
    """How many multiply-adds it prints as 1 G."""
    cost_of_call: Callable[[nn.Module, tuple, Any], int]
    """(module, inputs, output) -> multiply-adds of this call of this module, without its submodules."""
    count_parameters: Callable[[nn.Module], int]
    """Numbers in those parameters that it counts."""


class PublishedCount(NamedTuple):
    """What a published counter says of a model."""

    gmacs: float
    """In the counter's own G."""
    parameters: int


def count_published(model: nn.Module, inputs: Any, *, style: PublishedStyle) -> PublishedCount:
    """Counts one call of a model.

    Args:
        model: any module; a pose estimator as :class:`~distilpose.complexity.ForwardPass`.
        inputs: its one argument; for a count of one image, (1, 3, H, W).
        style: how to count.
    """
    costs: list[int] = []

    def watch(module: nn.Module, arguments: tuple, output: Any) -> None:
        costs.append(style.cost_of_call(module, arguments, output))

    handles = [module.register_forward_hook(watch) for module in model.modules()]
    try:
        with undisturbed(model):
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return PublishedCount(sum(costs) / style.giga, style.count_parameters(model))
