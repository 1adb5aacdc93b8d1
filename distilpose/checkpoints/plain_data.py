"""Training checkpoints as plain data: what mmengine pickles as objects, written as numbers, lists and tensors.

:func:`flatten` is called before a checkpoint is saved and :func:`restore` after one is read. Numpy arrays
become nested lists, numpy scalars Python numbers, and mmengine's ``HistoryBuffer`` a dictionary of two tensors;
the entry ``plain_data`` of the checkpoint lists which entries were which, so that reading gives them back.
"""

from __future__ import annotations

import enum
import logging
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, print_log
from torch import Tensor

from ..errors import BadCheckpoint

_TABLE = 'plain_data'
_KINDS = ('array', 'history', 'own')
_WEIGHTS = ('state_dict', 'ema_state_dict')
_PLAIN_TYPES = (bool, int, float, complex, str, bytes)
_ARRAY_KINDS, _ARRAY_BYTES = 'biufcSUMm', 256 << 20
_HANDLED_TYPES = (
    *_PLAIN_TYPES, type(None), Tensor, torch.dtype, np.generic, np.ndarray, HistoryBuffer, Mapping, list, tuple, set,
    frozenset, enum.Enum, os.PathLike,
)  # fmt: skip
_Path = tuple[Any, ...]


def flatten(checkpoint: dict[str, Any]) -> None:
    """Turn a checkpoint into plain data, in place; :func:`restore` is the way back.

    A value which is neither plain, numpy's nor a history buffer is left out, and the log names it.
    """
    table: dict[_Path, dict[str, Any]] = {}
    for key, value in checkpoint.items():
        if key not in _WEIGHTS:
            checkpoint[key] = _flatten(value, (key,), table)
    if _TABLE in checkpoint:  # an entry of the checkpoint's own
        table[()] = dict(kind='own', value=checkpoint.pop(_TABLE))
    if table:
        checkpoint[_TABLE] = table


def restore(checkpoint: Any) -> Any:
    """Give a checkpoint that :func:`flatten` wrote its arrays and history buffers back; others pass through.

    Raises:
        BadCheckpoint: The table does not fit the entries; the beginning of the sentence, with the file, is left to
            the caller.
    """
    if not isinstance(checkpoint, dict) or not _is_table(checkpoint.get(_TABLE)):
        return checkpoint
    table = checkpoint.pop(_TABLE)
    if () in table:
        checkpoint[_TABLE] = table.pop(()).get('value')
    for key in {path[0] for path in table if path}:
        if key in checkpoint:
            checkpoint[key] = _restore(checkpoint[key], (key,), table)
    return checkpoint


def _is_table(value: Any) -> bool:
    """Whether an entry of this name is the table of :func:`flatten`, and not one that the checkpoint has itself."""
    return isinstance(value, dict) and bool(value) and all(
        isinstance(path, tuple) and isinstance(entry, dict) and entry.get('kind') in _KINDS
        for path, entry in value.items())


def _flatten(value: Any, path: _Path, table: dict[_Path, dict[str, Any]]) -> Any:
    if value is None or type(value) in _PLAIN_TYPES or isinstance(value, (Tensor, torch.dtype)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        table[path] = dict(kind='array', dtype=value.dtype.str, shape=list(value.shape))
        return value.tolist()
    if isinstance(value, HistoryBuffer):
        log, count = value.data
        table[path] = dict(kind='history')
        return dict(log=torch.tensor(log), count=torch.tensor(count), max_length=value.max_length)
    if isinstance(value, Mapping):
        kept = {key: entry for key, entry in value.items() if _can_be_plain(entry, (*path, key))}
        return {key: _flatten(entry, (*path, key), table) for key, entry in kept.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        items = [_flatten(entry, (*path, index), table) for index, entry in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, (set, frozenset)):
        return set(value)
    if isinstance(value, enum.Enum):
        return _flatten(value.value, path, table)
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _can_be_plain(value: Any, path: _Path) -> bool:
    if isinstance(value, _HANDLED_TYPES):
        return True
    name = '.'.join(map(str, path))
    print_log(
        f'{name} is a {type(value).__name__}, which is not plain data, and is left out of the checkpoint.',
        'current',
        logging.WARNING,
    )
    return False


def _restore(value: Any, path: _Path, table: Mapping[_Path, Mapping[str, Any]]) -> Any:
    entry = table.get(path)
    if entry is not None:
        try:
            return _array(value, entry) if entry['kind'] == 'array' else _history(value)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RuntimeError) as error:
            name = '.'.join(str(key)[:40] for key in path)
            raise BadCheckpoint(f'its entry {name!r} is not the {entry["kind"]} that {_TABLE} says '
                                f'({error})') from error
    if isinstance(value, dict):
        return {key: _restore(item, (*path, key), table) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_restore(item, (*path, index), table) for index, item in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _array(values: Any, entry: Mapping[str, Any]) -> np.ndarray:
    dtype, shape = np.dtype(str(entry['dtype'])), entry['shape']
    if dtype.kind not in _ARRAY_KINDS or not isinstance(values, (list, *_PLAIN_TYPES)):
        raise ValueError(f'the type {dtype} of a {type(values).__name__}')
    found = np.array(values, dtype=object)  # whose size does not depend on that of a text
    if found.size != math.prod(shape):
        raise ValueError(f'{found.size} values for the shape {shape}')
    if found.size * dtype.itemsize > _ARRAY_BYTES or math.prod(max(length, 1) for length in shape) > _ARRAY_BYTES:
        raise ValueError(f'{found.size * dtype.itemsize:,} bytes, and at most {_ARRAY_BYTES:,} are read')
    return found.astype(dtype).reshape(shape)


def _history(value: Any) -> HistoryBuffer:
    log, count, length = value['log'], value['count'], value['max_length']
    if log.ndim != 1 or log.shape != count.shape or type(length) is not int or length < 1:
        raise ValueError('values and their counts differ in number')
    return HistoryBuffer(log.cpu().numpy(), count.cpu().numpy(), length)
