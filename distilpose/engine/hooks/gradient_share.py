"""Share of each loss in the gradient of the student: gradient norms per term of a distillation."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor, nn

from ...distillation import PoseDistiller
from ..unwrapped_model import unwrapped_model

PREFIX = 'grad_share/'


@HOOKS.register_module()
class GradientShareHook(Hook):
    """Logs how the gradient of the student's weights is made up of the losses, as ``grad_share/<loss>``.

    The share of a loss is the L2 norm of its own gradient, over all trainable weights of the student, divided by the
    sum of those norms over all losses: numbers in [0, 1] that sum to 1. Where losses pull against each other, their
    norms still add. The gradients are those of the iteration itself: same weights, batch, random numbers, precision.

    Everything happens on a copy of the model, so a training with this hook is the same as one without it, only slower
    by a forward pass and as many backward passes as there are losses. A model without a teacher is left alone; of
    several processes each measures its own part of the batch, and the first one's is in the log.

    Args:
        interval: measures at the first iteration and at every ``interval``-th.
    """

    priority = 'NORMAL'  # after the hooks that seed the iteration and set its number

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Measures and logs."""
        model = unwrapped_model(runner)
        if not isinstance(model, PoseDistiller) or (runner.iter and (runner.iter + 1) % self.interval):
            return
        norms = gradient_norms(model, data_batch, optim_wrapper=runner.optim_wrapper)
        for name, share in shares(norms).items():
            runner.message_hub.update_scalar(f'train/{PREFIX}{name}', share)


def gradient_norms(model: PoseDistiller, data_batch: Any, *, optim_wrapper: OptimWrapper) -> dict[str, float]:
    """L2 norm of every loss's gradient over the student's trainable weights; changes neither model nor randomness.

    Args:
        model: in the mode that it trains in.
        data_batch: as the loader gives it.
        optim_wrapper: has the precision of the training and, for float16, the factor of the loss.

    Returns:
        Loss without ``loss_`` -> norm; not finite where a float16 gradient overflowed.
    """
    with untouched_generators(model):
        twin = copy.deepcopy(model)  # shares the teacher, owns everything that a forward pass may change
        weights = [weight for weight in twin.student.parameters() if weight.requires_grad]
        with optim_wrapper.optim_context(twin):
            data = twin.data_preprocessor(copy.deepcopy(data_batch), True)
            outputs = twin(**data, mode='loss')
        scaler = getattr(optim_wrapper, 'loss_scaler', None)
        factor = scaler.get_scale() if scaler is not None else 1.0
        losses = {name: _total(value) for name, value in outputs.items() if 'loss' in name}
        return {name.removeprefix('loss_'): _gradient_norm(value * factor, weights) / factor
                for name, value in losses.items()}


def shares(norms: Mapping[str, float]) -> dict[str, float]:
    """Every norm divided by the sum of all; empty when that sum is 0 or not finite, since there are no shares then."""
    total = sum(norms.values())
    return {name: norm / total for name, norm in norms.items()} if total > 0 and math.isfinite(total) else {}


@contextmanager
def untouched_generators(model: nn.Module) -> Iterator[None]:
    """Gives Python's, numpy's and torch's generators (of the CPU and the model's device) back as they were."""
    devices = {weight.device for weight in model.parameters() if weight.device.type == 'cuda'}
    for_python, for_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        random.setstate(for_python)
        np.random.set_state(for_numpy)


def _total(value: Tensor | list[Tensor]) -> Tensor:
    """The scalar that mmengine makes of a loss."""
    return value.mean() if isinstance(value, Tensor) else torch.stack([part.mean() for part in value]).sum()


def _gradient_norm(loss: Tensor, weights: list[Tensor]) -> float:
    if not loss.requires_grad:
        return 0.0
    gradients = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    norms = [gradient.norm() for gradient in gradients if gradient is not None]
    return float(torch.stack(norms).norm()) if norms else 0.0
