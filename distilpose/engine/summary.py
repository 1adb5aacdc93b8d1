"""Summary of a run for its log: versions and devices, networks and parameters, terms, data."""

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
from torch.utils.data import DataLoader

from ..distillation import PoseDistiller
from ..models import describe_network
from .unwrapped_model import unwrapped_model


def describe_environment(runner: Runner) -> Iterator[str]:
    """Versions, devices, seed and config of a run."""
    versions = dict(Python=platform.python_version(), torch=torch.__version__, mmpose=mmpose.__version__,
                    mmengine=mmengine.__version__, mmcv=mmcv.__version__, OpenCV=cv2.__version__)
    yield f'{", ".join(f"{name} {version}" for name, version in versions.items())}.'
    processes = f'{runner.world_size} process' + 'es' * (runner.world_size > 1)
    yield f'{processes} on {_device()}, seed {runner.seed}{", deterministic" * bool(runner.deterministic)}.'
    yield f'Config: {runner.cfg.filename or "built by a program"}, in full in {full_config_file(runner)}.'


def full_config_file(runner: Runner) -> Path:
    """Where the config of a run is written with all that it inherits; beside a config that lies there itself."""
    source = Path(runner.cfg.filename or f'{runner.timestamp}.py')
    file = Path(runner.work_dir, source.name)
    return file.with_stem(f'{file.stem}_full') if source.absolute() == file.absolute() else file


def describe_model(runner: Runner) -> Iterator[str]:
    """The networks and their sizes, and the terms of a distillation."""
    model = unwrapped_model(runner)
    if not isinstance(model, PoseDistiller):
        yield f'Model: {describe_network(model)}.'
        yield from model.details() if hasattr(model, 'details') else ()
        return
    named = runner.cfg.model.get('teacher') or {}
    folder = named.get('config') if isinstance(named.get('config'), str) else None  # of Hugging Face: has its weights
    teacher = named.get('checkpoint') or named.get('file') or folder or 'weights of a program'
    yield f'Student: {describe_network(model.student)}.'
    yield f'Teacher: {model.teacher.describe()}{f", frozen, {teacher}" if model.teacher.is_frozen else ""}.'
    yield from model.teacher.details()
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


def _weight(term: Any) -> str:
    schedule = term.schedule.func.__name__
    return f'{term.weight:g}' + f', {schedule}' * (schedule != 'constant')
