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
from ..structures import ONLY_TEACHER
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
    yield f'Student: {describe_network(model.student)}.'
    for name, paired in model.teachers.items():
        yield f'{_teacher_title(name)}: {", ".join(_teacher_facts(paired))}.'
        yield from paired.teacher.details()
    yield from _describe_combination(model)
    terms = (f'{name} ({_weight(term)})' for name, term in model.terms.items())
    yield f'Task loss (weight {model.task_weight:g}), terms: {", ".join(terms) or "none"}.'


def _teacher_title(name: str) -> str:
    return 'Teacher' if name == ONLY_TEACHER else f'Teacher {name}'


def _teacher_facts(paired: Any) -> Iterator[str]:
    """Network, weights, and how it supervises beside others."""
    spec, teacher = paired.spec, paired.teacher
    folder = spec.get('config') if isinstance(spec.get('config'), str) else None  # of Hugging Face: has its weights
    yield teacher.describe()
    if teacher.is_frozen:
        yield 'frozen'
        yield str(spec.get('checkpoint') or spec.get('file') or folder or 'weights of a program')
    if paired.name != ONLY_TEACHER:
        schedule = spec.get('schedule')
        yield f'weight {paired.weight:g}' + (f' times {schedule}' if schedule is not None else '')


def _describe_combination(model: PoseDistiller) -> Iterator[str]:
    """How several teachers are combined, and how many keypoints each predicts, or is the expert of."""
    if model.combination is None:
        return
    pairs = model.teachers.values()
    sizes = [len(paired.keypoint_map.partners) for paired in pairs if paired.keypoint_map is not None]
    count = next(iter([*sizes, *(len(paired.teacher.keypoint_names or ()) for paired in pairs)]), 0)
    predicted = {name: _predicted(paired, count) for name, paired in model.teachers.items()}
    verb = 'predicts'
    if model.combination.ranks is not None:
        ranks = model.combination.ranks.cpu().tolist()
        verb, predicted = 'teaches', _by_expert(predicted, dict(zip(predicted, ranks, strict=True)))
    shares = (f'{name} {verb} {len(joints)}' for name, joints in predicted.items())
    yield f'Teachers are combined keypoint by keypoint ({model.combination.rule}): {", ".join(shares)}.'


def _predicted(paired: Any, count: int) -> set[int]:
    """Indices of the student's keypoints that a teacher predicts."""
    if paired.keypoint_map is None:
        return set(range(count))
    return {index for index, found in enumerate(paired.keypoint_map.partners) if found}


def _by_expert(predicted: dict[str, set[int]], ranks: dict[str, list[float]]) -> dict[str, set[int]]:
    """Teacher -> the keypoints of which it has the lowest rank of those that predict them."""
    experts = {index: min((name for name in predicted if index in predicted[name]), key=lambda name: ranks[name][index])
               for index in set().union(*predicted.values())}
    return {name: {index for index, expert in experts.items() if expert == name} for name in predicted}


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
