"""Published MAC counters: the ones that the tables of DistilPose, HRNet, TokenPose, SimDR and FPD are made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from mmcv.cnn.utils.flops_counter import get_modules_mapping
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from .counting import count_parameters, evaluating

# mmcv 2 counts layer normalisation too; the published figures do not.
_MMCV_COUNTERS = {kind: counter for kind, counter in get_modules_mapping().items() if kind is not nn.LayerNorm}


@dataclass(frozen=True)
class PublishedStyle:
    """A published counter."""

    meaning: str
    """What is counted, in words."""
    giga: float
    """MACs that it prints as 1 G."""
    cost_of_call: Callable[[nn.Module, tuple, Any], int]
    """(module, inputs, output) -> MACs of this call of this module, without its submodules."""
    count_parameters: Callable[[nn.Module], int]
    """The number of parameters by its rules."""


class PublishedCount(NamedTuple):
    """MACs and parameters of a model by a published counter."""

    gmacs: float
    """In the counter's own G."""
    parameters: int


def count_published(model: nn.Module, inputs: Any, *, style: PublishedStyle) -> PublishedCount:
    """Counts one call of a model by the rules of a publication.

    Args:
        model: any module; a pose estimator as :class:`~distilpose.complexity.ForwardPass`.
        inputs: its one argument; for a count of one image, (1, 3, H, W).
        style: the counter.
    """
    costs: list[int] = []

    def add_cost(module: nn.Module, arguments: tuple, output: Any) -> None:
        costs.append(style.cost_of_call(module, arguments, output))

    handles = [module.register_forward_hook(add_cost) for module in model.modules()]
    try:
        with evaluating(model):
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return PublishedCount(sum(costs) / style.giga, style.count_parameters(model))


def _mmcv_cost(module: nn.Module, arguments: tuple, output: Any) -> int:
    """mmcv's counters write their result to an attribute of the module."""
    counter = _MMCV_COUNTERS.get(type(module))
    if counter is None:
        return 0
    vars(module)['__flops__'] = 0
    counter(module, arguments, output)
    return vars(module).pop('__flops__')


MMCV = PublishedStyle(
    meaning="as in DistilPose's tables (mmcv): with BN, ReLU, pooling and upsampling, no attention products",
    giga=1e9, cost_of_call=_mmcv_cost, count_parameters=lambda model: count_parameters(model).trainable)


def _hrnet_cost(module: nn.Module, arguments: tuple, output: Any) -> int:
    """Two of its rules are not what a layer does, and are kept because the published figures contain them.

    A transposed convolution costs its kernel at every *output* pixel, four times the truth at stride 2. A linear layer
    costs its outputs times the size of dimension 1 of its input: the number of tokens where that is (B, T, D).
    """
    if isinstance(module, _ConvNd):
        return module.weight.numel() * prod(output.shape[2:])
    if isinstance(module, nn.Linear):
        return output.numel() * arguments[0].shape[1]
    return 0


def _hrnet_parameters(model: nn.Module) -> int:
    """Convolutions, batch normalisations and linear layers: no tokens, position tables or layer normalisations."""
    return sum(count_parameters(module).all for module in model.modules()
               if isinstance(module, (_ConvNd, _BatchNorm, nn.Linear)))


HRNET = PublishedStyle(
    meaning="as in HRNet's, TokenPose's, SimDR's and FPD's tables: in units of 2^30, no attention products",
    giga=2.0**30, cost_of_call=_hrnet_cost, count_parameters=_hrnet_parameters)

STYLES = dict(mmcv=MMCV, hrnet=HRNET)
"""Name on the command line -> style."""
