"""Counting parameters and MACs (multiply-adds) of a model in one forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

_WHOLE = 'Global'


class ParameterCount(NamedTuple):
    """Number of parameters of a model; a shared one counts once, buffers do not count."""

    all: int
    trainable: int
    """Those that require a gradient."""


def count_parameters(model: nn.Module) -> ParameterCount:
    """Counts the parameters of a model."""
    sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    return ParameterCount(all=sum(size for size, _ in sizes),
                          trainable=sum(size for size, requires_grad in sizes if requires_grad))


class ForwardPass(nn.Module):
    """One forward pass of a pose estimator for images (B, 3, H, W), without decoding and without flip test.

    mmpose calls ``head.forward`` directly, which runs no hooks; here the head is called as a module.
    """

    def __init__(self, estimator: nn.Module) -> None:
        super().__init__()
        self.estimator = estimator

    def forward(self, images: Tensor) -> Any:
        """The head's output for images (B, 3, H, W)."""
        estimator: Any = self.estimator
        return estimator.head(estimator.extract_feat(images))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module trains or evaluates as before."""
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in was_training.items():
            module.training = training


def count_macs(model: nn.Module, inputs: Any) -> int:
    """Counts the MACs of the matrix products of one call of a model: convolutions, linear layers and attention.

    Biases, normalisations, activations and interpolations are not counted.

    Args:
        model: any module; a pose estimator as :class:`ForwardPass`.
        inputs: its one argument; for a count of one image, (1, 3, H, W).
    """
    return _count(model, inputs)[_WHOLE]


def count_macs_by_module(estimator: nn.Module, images: Any) -> dict[str, int]:
    """Counts the MACs of every module of a pose estimator, its submodules included.

    Returns:
        Name as in ``named_modules`` -> MACs; the empty name stands for the whole estimator.
    """
    root = ForwardPass(estimator)
    counted = _count(root, images)
    prefix = f'{type(root).__name__}.estimator.'

    def of_module(name: str, module: nn.Module) -> int:
        if prefix + name in counted:
            return counted[prefix + name]
        # not called itself (a list of modules), or without a matrix product
        return sum(of_module(f'{name}.{child}', part) for child, part in module.named_children())

    return {name: of_module(name, module) if name else counted[_WHOLE] for name, module in estimator.named_modules()}


def _count(model: nn.Module, inputs: Any) -> dict[str, int]:
    """MACs by module name, which begins with the class of the model, and in all."""
    # FlopCounterMode counts attention of the math backend only; all backends multiply the same matrices.
    with evaluating(model), FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(inputs)
    flops = {name: sum(by_operator.values()) for name, by_operator in counter.get_flop_counts().items()}
    return {_WHOLE: 0} | {name: count // 2 for name, count in flops.items()}
