"""Device options of a run: TF32 and the search for the fastest convolutions, as ``env_cfg`` has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.config import Config

from ..errors import DistilPoseError

_PRECISIONS = ('highest', 'high', 'medium')

@contextmanager
def device_options(cfg: Config) -> Iterator[None]:
    """Sets torch's options for a run, and afterwards what they were.

    ``env_cfg.matmul_precision`` is that of ``torch.set_float32_matmul_precision``: with ``'high'`` GPUs multiply
    float32 as TF32. ``env_cfg.cudnn_benchmark`` is mmengine's.

    Raises:
        DistilPoseError: an unknown precision.
    """
    options = cfg.get('env_cfg') or {}
    if options.get('matmul_precision') not in (None, *_PRECISIONS):
        raise DistilPoseError(f'env_cfg.matmul_precision is {options["matmul_precision"]!r}; expected one of '
                              f'{", ".join(_PRECISIONS)}')
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


def describe_device_options(cfg: Config) -> str:
    """What a config sets that changes speed and rounding on a GPU; empty for torch's defaults."""
    model, options = cfg.get('model') or {}, cfg.get('env_cfg') or {}
    values = {name: options.get(name) for name in ('matmul_precision', 'cudnn_benchmark')}
    values |= {'model.teacher.compile': (model.get('teacher') or {}).get('compile'),
               'model.compile_student': model.get('compile_student'), 'compile': cfg.get('compile')}
    found = [f'{name}={value}' for name, value in values.items() if value]
    return f'Device options: {", ".join(found)}.' if found else ''
