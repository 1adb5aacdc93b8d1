"""Comparing the ends of two trainings, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

COMPARED = ('state_dict', 'ema_state_dict', 'moving_average', 'optimizer', 'param_schedulers')
_OF_THE_CLOCK = ('time', 'data_time', 'memory')


def first_difference(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    """The first place at which two training checkpoints differ, or ``None``.

    Weights, averaged weights, optimizer, schedules, position and the history of all figures are compared, but for
    times.
    """
    if one['meta']['iter'] != other['meta']['iter']:
        return f'ends at iteration {other["meta"]["iter"]} instead of {one["meta"]["iter"]}'
    found = next((where for name in COMPARED for where in _different(one.get(name), other.get(name), name)), None)
    if found is not None:
        return found
    histories = [_histories(file) for file in (one, other)]
    if histories[0].keys() != histories[1].keys():
        return f'histories of {sorted(histories[0].keys() ^ histories[1].keys())}'
    return next((f'the history of {name}' for name, history in histories[0].items()
                 if not np.array_equal(history, histories[1][name], equal_nan=True)), None)


def _histories(checkpoint: dict[str, Any]) -> dict[str, np.ndarray]:
    scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
    return {name: buffer.data[0] for name, buffer in scalars.items()
            if name.startswith('train/') and name.split('/')[-1] not in _OF_THE_CLOCK}


def _different(one: Any, other: Any, where: str) -> Iterator[str]:
    if isinstance(one, Tensor):
        if not (isinstance(other, Tensor) and one.equal(other)):
            yield where
    elif isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _different(one[key], other[key], f'{where}.{key}')
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from _different(first, second, f'{where}[{index}]')
    elif one != other:
        yield where
