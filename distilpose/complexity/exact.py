"""Counting every multiply-add of matrix products: convolutions, linear layers and attention."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from .forward_pass import ForwardPass, undisturbed

_WHOLE = 'Global'


def count_macs(model: nn.Module, inputs: Any) -> int:
    """Counts the multiply-adds of one call of a model.

    Additions of biases, normalisations, activations and interpolations multiply no matrices and are not counted.

    Args:
        model: any module; a pose estimator as :class:`ForwardPass`.
        inputs: its one argument; for a count of one image, (1, 3, H, W).
    """
    return _count(model, inputs)[_WHOLE]


def count_macs_by_module(estimator: nn.Module, images: Any) -> dict[str, int]:
    """Counts the multiply-adds in every module of a pose estimator, its submodules included.

    Returns:
        Name as in ``named_modules`` -> multiply-adds; the empty name stands for the whole estimator.
    """
    root = ForwardPass(estimator)
    counted = _count(root, images)
    prefix = f'{type(root).__name__}.estimator.'

    def of_module(name: str, module: nn.Module) -> int:
        if prefix + name in counted:
            return counted[prefix + name]
        # not called itself: a list of modules, or one without a product
        return sum(of_module(f'{name}.{child}', part) for child, part in module.named_children())

    return {name: of_module(name, module) if name else counted[_WHOLE] for name, module in estimator.named_modules()}


def _count(model: nn.Module, inputs: Any) -> dict[str, int]:
    """Multiply-adds by module name, which begins with the class of the model, and in all."""
    # The counter knows the attention of the plain backend only; all of them multiply the same matrices.
    with undisturbed(model), FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(inputs)
    flops = {name: sum(by_operator.values()) for name, by_operator in counter.get_flop_counts().items()}
    return {_WHOLE: 0} | {name: count // 2 for name, count in flops.items()}
