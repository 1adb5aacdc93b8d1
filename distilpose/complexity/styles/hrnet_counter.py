"""The count of the HRNet code base's model summary, by which the tables of TokenPose, SimDR and FPD are made."""

from __future__ import annotations

from math import prod
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from ..parameters import count_parameters
from ..published import PublishedStyle


def _cost_of_call(module: nn.Module, arguments: tuple, output: Any) -> int:
    """Two of its rules are not what a layer does, and are kept because the published figures contain them.

    A transposed convolution costs its kernel at every *output* pixel, four times the truth at stride 2. A linear layer
    costs its outputs times the size of dimension 1 of its input: the number of tokens where that is (B, T, D).
    """
    if isinstance(module, _ConvNd):
        return module.weight.numel() * prod(output.shape[2:])
    if isinstance(module, nn.Linear):
        return output.numel() * arguments[0].shape[1]
    return 0


def _count_parameters(model: nn.Module) -> int:
    """Convolutions, batch normalisations and linear layers: no tokens, position tables or layer normalisations."""
    return sum(count_parameters(module).all for module in model.modules()
               if isinstance(module, (_ConvNd, _BatchNorm, nn.Linear)))


HRNET = PublishedStyle(
    meaning="as in HRNet's, TokenPose's, SimDR's and FPD's tables: in units of 2^30, no attention products",
    giga=2.0**30, cost_of_call=_cost_of_call, count_parameters=_count_parameters)
