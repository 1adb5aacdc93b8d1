"""What to say of a training whose losses, gradients or weights are not finite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine import dist
from mmengine.runner import Runner, find_latest_checkpoint
from torch import nn

from ..checkpoints import all_finite
from ..distillation import PoseDistiller
from .unwrapped_model import unwrapped_model

_IMAGES = 4
_LABELS = ('gt_instances', 'gt_instance_labels', 'gt_fields')


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
        dtype = model.teacher.dtype
        teacher = f'outputs of the teacher (in {str(dtype).removeprefix("torch.")})' if dtype else \
            'outputs of the teacher'
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


def _labels(sample: Any) -> Iterator[torch.Tensor]:
    for field in _LABELS:
        if field in sample:
            for _, value in sample.get(field).items():
                yield from _tensors(value)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif hasattr(value, '__array__') and getattr(value, 'dtype', None) is not None and value.dtype.kind == 'f':
        yield torch.as_tensor(value)


def _some(names: list[str]) -> str:
    rest = len(names) - _IMAGES
    return ', '.join(names[:_IMAGES]) + (f' and {rest} more' if rest > 0 else '')
