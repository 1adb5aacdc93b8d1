"""Losses, gradients and weights that are not finite (NaN, inf): skipped optimizer steps, and messages with causes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine import dist
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner, find_latest_checkpoint
from torch import Tensor, nn

from ..checkpoints import all_finite
from ..distillation import PoseDistiller
from .unwrapped_model import unwrapped_model

_IMAGES = 4
_LABELS = ('gt_instances', 'gt_instance_labels', 'gt_fields')


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
    """Records whether an optimizer stepped in this iteration, and can skip a step.

    A loss scaler leaves steps out as well: it does not call ``optimizer.step``, or lets a fused optimizer leave out the
    update.

    Args:
        wrapper: of the optimizer.
        refuses: leave out steps whose gradients are not finite. Gradients are read from the device for that. They are
            averaged over all processes at that point, so all decide alike.
    """

    def __init__(self, wrapper: OptimWrapper, *, refuses: bool) -> None:
        self.wrapper, self.refuses = wrapper, refuses
        self.has_stepped = False
        self._found_inf: Tensor | None = None
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
        self.has_stepped = self.refuses or bool(weights)  # another watch may have taken all gradients
        self._found_inf = getattr(optimizer, 'found_inf', None)  # of a loss scaler, for fused optimizers

    def has_updated(self) -> bool:
        """Whether the optimizer changed its weights; under a loss scaler a fused one reads that from the device."""
        return self.has_stepped and (self._found_inf is None or not bool(self._found_inf))

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


def first_of_all(message: str | None) -> str | None:
    """The message of the first process that has one, in all of them; ``None`` where there is none.

    Every process must call it. With one process nothing happens; with several a single number is reduced.
    """
    if dist.get_world_size() == 1:
        return message
    found = torch.tensor([int(message is not None)])
    dist.all_reduce(found, op='max')
    if not int(found):
        return None
    everywhere = dist.all_gather_object(message)
    rank = next(rank for rank, text in enumerate(everywhere) if text is not None)
    return f'{everywhere[rank]} (Process {rank} of {len(everywhere)}.)'


def describe_values(values: Mapping[str, float]) -> str:
    """``'loss_kpt is nan, loss_score is inf'``; the total only where nothing else is not finite."""
    named = {name: value for name, value in values.items() if name != 'loss'} or values
    return ', '.join(f'{name} is {value:g}' for name, value in named.items())


def describe_batch(runner: Runner, data_batch: Any, names: list[str]) -> str:
    """The images of a batch, and the likely causes: what is known first, then what usually is.

    Args:
        runner: of the training.
        data_batch: as the loader gave it, ``None`` if unknown.
        names: of the losses that are not finite; empty for gradients.
    """
    samples = list(_samples(data_batch))
    images = [str(_path(sample)) for sample in samples]
    text = f'The batch has the images {_some(images)}. ' if images else ''
    return f'{text}{_causes(runner, data_batch, samples, names)}'


def describe_saved(runner: Runner) -> str:
    """What is on the disk of this training."""
    file = Path(runner.work_dir, 'last_checkpoint')
    last = find_latest_checkpoint(str(runner.work_dir)) if file.is_file() else None
    if last is None:
        return 'Nothing was saved, and there is no earlier checkpoint'
    return f'Nothing was saved; the last checkpoint is {last}, and --resume continues from it'


def weights_of(runner: Runner) -> dict[str, Any]:
    """Name -> parameter or buffer of the model, and of the averages (EMA) that a hook keeps of it."""
    modules = {'': unwrapped_model(runner)}
    for hook in runner.hooks:
        average = getattr(hook, 'ema_model', None)
        if isinstance(average, nn.Module):
            modules['averaged '] = getattr(average, 'module', average)
    return {f'{prefix}{name}': value for prefix, module in modules.items()
            for values in (module.named_parameters(), module.named_buffers()) for name, value in values}


def _causes(runner: Runner, data_batch: Any, samples: list[Any], names: list[str]) -> str:
    wrong = [str(_path(sample)) for sample in samples if not all_finite(_labels(sample))]
    if wrong:
        return f'The targets of {_some(wrong)} are not finite: correct the annotations, or the codec that encodes them'
    if not all_finite(_tensors(data_batch.get('inputs') if isinstance(data_batch, Mapping) else None)):
        return 'The pixels of the batch are not finite: correct the pipeline that prepares them'
    model = unwrapped_model(runner)
    causes = [f'a learning rate that is too high (it is {_learning_rate(runner):.3g})']
    if isinstance(model, PoseDistiller):
        terms = {f'loss_{name}' for name in model.terms}
        dtypes = sorted({str(paired.teacher.dtype).removeprefix('torch.') for paired in model.teachers.values()
                         if paired.teacher.dtype})
        teacher = f'outputs of the teacher{"s" * (len(model.teachers) > 1)}'
        teacher += f' (in {", ".join(dtypes)})' * bool(dtypes)
        at_front = bool(names) and set(names) - {'loss'} <= terms
        causes.insert(0 if at_front else 1, teacher)
    causes += ['a precision that is too short (--amp, float16)', 'targets that a loss divides by or takes the log of']
    return f'Likely causes: {", ".join(causes)}'


def _learning_rate(runner: Runner) -> float:
    rates = [rate for group in runner.optim_wrapper.get_lr().values() for rate in group]
    return next((rate for rate in rates if not math.isfinite(rate)), max(rates))


def _samples(data_batch: Any) -> Iterator[Any]:
    samples = data_batch.get('data_samples') if isinstance(data_batch, Mapping) else None
    yield from samples if isinstance(samples, (list, tuple)) else ()


def _path(sample: Any) -> Any:
    """The image's path, or the number of a sample that has none."""
    for key in ('img_path', 'img_id', 'id'):
        if key in sample:
            return sample.get(key)
    return '(unnamed)'


def _labels(sample: Any) -> Iterator[Tensor]:
    for field in _LABELS:
        if field in sample:
            for _, value in sample.get(field).items():
                yield from _tensors(value)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif hasattr(value, '__array__') and getattr(value, 'dtype', None) is not None and value.dtype.kind == 'f':
        yield torch.as_tensor(value)


def _some(names: list[str]) -> str:
    rest = len(names) - _IMAGES
    return ', '.join(names[:_IMAGES]) + (f' and {rest} more' if rest > 0 else '')
