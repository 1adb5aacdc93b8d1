"""Refusing an optimizer's step whose gradients are not finite, with nothing left of the iteration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from ..checkpoints import all_finite


def wrappers_of(optim_wrapper: OptimWrapper | OptimWrapperDict) -> Iterator[OptimWrapper]:
    """The wrappers of single optimizers."""
    if isinstance(optim_wrapper, OptimWrapperDict):
        yield from optim_wrapper.values()
    else:
        yield optim_wrapper


def scaler_of(wrapper: OptimWrapper) -> Any:
    """The ``GradScaler`` of a wrapper where one is at work."""
    scaler = getattr(wrapper, 'loss_scaler', None)
    return scaler if scaler is not None and scaler.is_enabled() else None


class StepWatch:
    """Knows whether an optimizer made its step in this iteration, and may keep it from making one.

    A loss scaler leaves steps out as well: it does not call ``optimizer.step``.

    Args:
        wrapper: of the optimizer.
        refuses: leave out steps whose gradients are not finite. Gradients are read from the device for that. They are
            averaged over all processes at that point, so all decide alike.
    """

    def __init__(self, wrapper: OptimWrapper, *, refuses: bool) -> None:
        self.wrapper, self.refuses = wrapper, refuses
        self.has_stepped = False
        self._handle = wrapper.optimizer.register_step_pre_hook(self._before_step)

    @property
    def is_due(self) -> bool:
        """Whether this iteration ends with a step, or accumulates gradients for a later one."""
        return self.wrapper.should_update()

    def _before_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        weights = [weight for group in optimizer.param_groups for weight in group['params'] if weight.grad is not None]
        if self.refuses and not all_finite(weight.grad for weight in weights):
            for weight in weights:  # an optimizer leaves weights without a gradient alone, and their state
                weight.grad = None
            return
        self.has_stepped = True

    def remove(self) -> None:
        """Leaves the optimizer as it was."""
        self._handle.remove()


class BufferCopies:
    """A model's buffers, such as running statistics, as they were after the last step.

    Args:
        model: whose forward pass changes them.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.copies = [buffer.detach().clone() for buffer in model.buffers()]

    @torch.no_grad()
    def keep(self) -> None:
        """Copies the current ones."""
        for kept, buffer in zip(self.copies, self.model.buffers(), strict=True):
            kept.copy_(buffer)

    @torch.no_grad()
    def restore(self) -> None:
        """Puts the kept ones back."""
        for kept, buffer in zip(self.copies, self.model.buffers(), strict=True):
            buffer.copy_(kept)


def spread_not_finite(module: nn.Module, args: Any, output: Any) -> None:
    """A forward hook: gradients of losses of which one is not finite are NaN.

    So they are after they were averaged over all processes, which then leave out the same step. Finite losses and
    their gradients are not changed by a bit.
    """
    if not isinstance(output, dict):
        return
    losses: list[Tensor] = []
    for name, value in output.items():
        if 'loss' in name:
            losses += [value] if isinstance(value, Tensor) else list(value)
    factor = sum((loss.detach().float().sum() for loss in losses), start=torch.zeros(())) * 0 + 1
    for loss in losses:
        if loss.requires_grad:
            loss.register_hook(lambda gradient: gradient * factor.to(gradient))
