"""Lays convolutions out as CPUs like them."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn

from ...distillation import PoseDistiller
from ...models.quick import store_channels_last
from ..bare_model import bare_model


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Trains with convolutions stored channel-last, as those of a teacher are anyway.

    It changes no value and, on a CPU, makes small networks about a fifth (ResNets) to a third (hourglasses) faster.
    """

    def before_train(self, runner: Runner) -> None:
        """Changes the layout once weights are loaded."""
        use_channels_last(bare_model(runner))


def use_channels_last(model: nn.Module) -> None:
    """Stores the weights of convolutions channel-last, also those of a teacher's network that answers itself."""
    store_channels_last(model)
    if isinstance(model, PoseDistiller) and model.teacher.copy is None:
        store_channels_last(model.teacher.model)
