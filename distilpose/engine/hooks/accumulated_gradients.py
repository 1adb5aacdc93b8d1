"""Gradient accumulation and checkpoints: what is lost where one is written between two optimizer steps."""

from __future__ import annotations

from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor

from ..unwrapped_model import unwrapped_model

_ENTRY = 'accumulated_gradients'


@HOOKS.register_module()
class AccumulatedGradientsHook(Hook):
    """Keeps the gradients that wait for an update (``optim_wrapper.accumulative_counts``) in the checkpoint.

    Each of several processes has gradients of its own, and one writes the checkpoint: there they are lost, with
    a line in the log.
    """

    priority = 'NORMAL'

    def __init__(self) -> None:
        self.gradients: dict[str, Tensor] = {}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Adds the gradients, if any wait."""
        wrapper = runner.optim_wrapper
        if get_world_size() == 1 and isinstance(wrapper, OptimWrapper) and _waiting(wrapper):
            checkpoint[_ENTRY] = {name: weight.grad.cpu() for name, weight in unwrapped_model(runner).named_parameters()
                                  if weight.grad is not None}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Takes them out of a checkpoint that the run is resumed from."""
        found = checkpoint.pop(_ENTRY, {})
        self.gradients = found if runner._resume else {}

    def before_train(self, runner: Runner) -> None:
        """Puts them where the next iterations add theirs."""
        wrapper = runner.optim_wrapper
        lost = _waiting(wrapper) if isinstance(wrapper, OptimWrapper) else 0
        if not lost or not runner.iter:
            return
        parameters = dict(unwrapped_model(runner).named_parameters())
        if get_world_size() > 1 or not any(name in parameters for name in self.gradients):
            runner.logger.warning(f'The checkpoint was written between two updates of the weights: the gradients of '
                                  f'{lost} of the {wrapper._accumulative_counts} iterations of an update are lost.')
            return
        for name, gradient in self.gradients.items():
            if name in parameters and parameters[name].shape == gradient.shape:
                parameters[name].grad = gradient.to(parameters[name].device)
        runner.logger.info(f'The accumulated gradients of {lost} iteration(s) are those of the checkpoint.')
        self.gradients = {}


def _waiting(wrapper: OptimWrapper) -> int:
    """The number of iterations whose gradients wait for an update."""
    return 0 if wrapper.should_update() else wrapper.inner_count % wrapper._accumulative_counts
