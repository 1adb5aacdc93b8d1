"""Weight averaging: an exponential moving average (EMA) of the weights over a training."""

from __future__ import annotations

import math

from mmpose.engine.hooks.ema_hook import ExpMomentumEMA
from mmpose.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class ExactExpMomentumEMA(ExpMomentumEMA):
    """mmpose's ``ExpMomentumEMA``, in which weights that do not change stay what they are.

    There the average of a constant drifts away from it by rounding, by up to 7e-5 of its value in 20,000 iterations of
    RTMPose's momentum. A frozen backbone would no longer be the teacher's.
    """

    def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: int) -> None:
        """Moves the average towards the source, in place, by a share that falls to ``momentum``."""
        share = (1 - self.momentum) * math.exp(-float(1 + steps) / self.gamma) + self.momentum
        averaged_param.lerp_(source_param, share)
