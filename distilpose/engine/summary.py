"""What a run is, in a few lines for its log: software and devices, networks, terms and data."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Any

import cv2
import mmcv
import mmengine
import mmpose
import torch
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from ..distillation import PoseDistiller
from .bare_model import bare_model


def describe_environment(runner: Runner) -> Iterator[str]:
    """Versions, devices, seed and config of a run."""
    versions = dict(Python=platform.python_version(), torch=torch.__version__, mmpose=mmpose.__version__,
                    mmengine=mmengine.__version__, mmcv=mmcv.__version__, OpenCV=cv2.__version__)
    yield f'{", ".join(f"{name} {version}" for name, version in versions.items())}.'
    processes = f'{runner.world_size} process' + 'es' * (runner.world_size > 1)
    yield f'{processes} on {_device()}, seed {runner.seed}{", deterministic" * bool(runner.deterministic)}.'
    file = Path(runner.cfg.filename or f'{runner.timestamp}.py').name
    yield f'Config: {runner.cfg.filename or "made by a program"}, in full in {Path(runner.work_dir, file)}.'


def describe_model(runner: Runner) -> Iterator[str]:
    """The networks and their sizes, and the terms of a distillation."""
    model = bare_model(runner)
    if not isinstance(model, PoseDistiller):
        yield f'Model: {_network(model)}.'
        return
    teacher = (runner.cfg.model.get('teacher') or {}).get('checkpoint', 'weights of a program')
    yield f'Student: {_network(model.student)}.'
    yield f'Teacher: {_network(model.teacher.model)}, frozen, {teacher}.'
    terms = (f'{name} ({_weight(term)})' for name, term in model.terms.items())
    yield f'Task loss (weight {model.task_weight:g}), terms: {", ".join(terms) or "none"}.'


def describe_data(runner: Runner) -> Iterator[str]:
    """Numbers of samples, batch size and length of a training; nothing for loops with loaders of another kind."""
    train, val = (getattr(loop, 'dataloader', None) for loop in (runner._train_loop, runner._val_loop))
    if not isinstance(train, DataLoader):
        return
    samples = f'{_samples(train)} to train on in batches of {train.batch_size}'
    if isinstance(val, DataLoader):
        samples += f', {_samples(val)} to validate on'
    yield f'Samples: {samples}; {runner.max_iters} iterations.'


def _samples(loader: DataLoader) -> str:
    return str(len(loader.dataset)) if isinstance(loader.dataset, Sized) else 'an unknown number'


def _device() -> str:
    if torch.cuda.is_available():
        return f'{torch.cuda.get_device_name()} (one of {torch.cuda.device_count()})'
    return f'CPU ({torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()})'


def _network(model: Any) -> str:
    """``'ResNet, RegressionHead, 23.6 M parameters, 0.2 M of which learn'``."""
    parts = [type(part).__name__ for part in (getattr(model, 'backbone', None), getattr(model, 'head', None))
             if isinstance(part, nn.Module)]
    total = sum(parameter.numel() for parameter in model.parameters())
    learnt = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    size = f'{total / 1e6:.3g} M parameters'
    if 0 < learnt < total:
        size += f', {learnt / 1e6:.3g} M of which learn'
    return ', '.join([*(parts or [type(model).__name__]), size])


def _weight(term: Any) -> str:
    schedule = term.schedule.func.__name__
    return f'{term.weight:g}' + f', {schedule}' * (schedule != 'constant')
