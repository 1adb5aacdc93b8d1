"""Device options of a run: TF32 and the search for the fastest convolutions, as ``env_cfg`` has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.config import Config

from ..config.named_teachers import named_teachers
from ..errors import DistilPoseError
from ..models.compiling import WITH_CUDA_GRAPHS

_PRECISIONS = ('highest', 'high', 'medium')


@contextmanager
def device_options(cfg: Config) -> Iterator[None]:
    """Sets torch's options for a run, and afterwards what they were.

    ``env_cfg.matmul_precision`` is that of ``torch.set_float32_matmul_precision``: with ``'high'`` GPUs multiply
    float32 as TF32. ``env_cfg.cudnn_benchmark`` is mmengine's.

    Raises:
        DistilPoseError: an unknown precision, or CUDA graphs of the student with accumulated gradients.
    """
    options = cfg.get('env_cfg') or {}
    if options.get('matmul_precision') not in (None, *_PRECISIONS):
        raise DistilPoseError(f'env_cfg.matmul_precision is {options["matmul_precision"]!r}; expected one of '
                              f'{", ".join(_PRECISIONS)}')
    _check_graphs(cfg)
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
    if options.get('matmul_precision') is not None:
        torch.set_float32_matmul_precision(options['matmul_precision'])
    if options.get('cudnn_benchmark'):
        torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.benchmark = before[1]


def _check_graphs(cfg: Config) -> None:
    """Refuses CUDA graphs of the student where gradients are accumulated, which they overwrite."""
    mode = (cfg.get('model') or {}).get('compile_student')
    count = (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    if mode in WITH_CUDA_GRAPHS and count > 1:
        raise DistilPoseError(f'model.compile_student is {mode!r}, whose CUDA graphs overwrite gradients that '
                              f'optim_wrapper.accumulative_counts={count} accumulates; take '
                              "compile_student='default', or accumulative_counts=1")


def describe_device_options(cfg: Config) -> str:
    """What a config sets that changes speed and rounding on a GPU; empty for torch's defaults."""
    model, options = cfg.get('model') or {}, cfg.get('env_cfg') or {}
    values = {name: options.get(name) for name in ('matmul_precision', 'cudnn_benchmark')}
    values |= {f'{entry}.compile': spec.get('compile') for entry, spec in named_teachers(model).values()}
    values |= {'model.compile_student': model.get('compile_student'), 'compile': cfg.get('compile')}
    found = [f'{name}={value}' for name, value in values.items() if value]
    return f'Device options: {", ".join(found)}.' if found else ''
