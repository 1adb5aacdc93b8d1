"""The count of mmcv 1 and mmpose 0.x, by which DistilPose's tables are made."""

from __future__ import annotations

from typing import Any

from mmcv.cnn.utils.flops_counter import get_modules_mapping
from torch import nn

from ..parameters import count_parameters
from ..published import PublishedStyle

# Today's mmcv counts layer normalisation too; the published figures do not contain it.
_COUNTERS = {kind: counter for kind, counter in get_modules_mapping().items() if kind is not nn.LayerNorm}


def _cost_of_call(module: nn.Module, arguments: tuple, output: Any) -> int:
    """Asks mmcv, which leaves its answer on the module."""
    counter = _COUNTERS.get(type(module))
    if counter is None:
        return 0
    vars(module)['__flops__'] = 0
    counter(module, arguments, output)
    return vars(module).pop('__flops__')


MMCV = PublishedStyle(
    meaning="as in DistilPose's tables (mmcv): with BN, ReLU, pooling and upsampling, no attention products",
    giga=1e9, cost_of_call=_cost_of_call, count_parameters=lambda model: count_parameters(model).trainable)
