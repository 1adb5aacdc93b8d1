"""Unpickling shims: inert classes for numpy arrays and history buffers in checkpoints of mmengine and mmpose.

``torch.load(weights_only=True)`` refuses numpy arrays and mmengine's ``HistoryBuffer``. To allow the real
constructors would open a door (``HistoryBuffer`` is pickled through ``builtins.getattr``, and numpy's
``__setstate__`` trusts its input). So these names resolve to classes of this file, which only store their
arguments and check them before an array is made.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np

_LARGEST_EMPTY = 1 << 20
_PLAIN_DTYPE = re.compile(r'[<>|=]?[?biufcSU]\d*')


class _Dtype:
    """Shim for ``numpy.dtype``: only booleans, numbers and strings."""

    def __init__(self, code: str = 'f8', *_: Any) -> None:
        if not isinstance(code, str) or not _PLAIN_DTYPE.fullmatch(code):
            raise pickle.UnpicklingError(f'numpy values of type {code!r} are not plain numbers.')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and state[1:2] == ('>',):
            self.dtype = self.dtype.newbyteorder('>')


class _Array:
    """Shim for a numpy array: ``numpy.*.multiarray._reconstruct`` followed by ``__setstate__``."""

    value: np.ndarray

    def __init__(self, *_: Any) -> None:
        self.value = np.zeros(0)

    def __setstate__(self, state: Any) -> None:
        shape, dtype, is_fortran, data = state[-4:]
        data = data.encode('latin1') if isinstance(data, str) else data
        if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
            raise pickle.UnpicklingError('a numpy array of Python objects is not plain numbers.')
        if len(data) != math.prod(shape) * dtype.dtype.itemsize:
            raise pickle.UnpicklingError('a numpy array with the wrong number of bytes.')
        if math.prod(max(length, 1) for length in shape) > max(len(data), _LARGEST_EMPTY):
            raise pickle.UnpicklingError('a numpy array without numbers that is one of very many lists.')
        self.value = np.frombuffer(data, dtype.dtype).reshape(shape, order='F' if is_fortran else 'C').copy()


class _Scalar:
    """Shim for a numpy scalar: ``numpy.*.multiarray.scalar``."""

    def __init__(self, dtype: Any, data: Any) -> None:
        data = data.encode('latin1') if isinstance(data, str) else data
        if not isinstance(dtype, _Dtype) or not isinstance(data, bytes) or len(data) != dtype.dtype.itemsize:
            raise pickle.UnpicklingError('a numpy scalar that is no plain number.')
        self.value = np.frombuffer(data, dtype.dtype)[0]


class _History:
    """Shim for mmengine's ``HistoryBuffer``."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


class _Ndarray:
    """Shim for the class ``numpy.ndarray``, an argument of ``_reconstruct`` that is never called."""


def _nothing(*_: Any) -> None:
    """Shim for ``getattr``: a history buffer names its four methods, which the real class has anyway."""


def _no_bytes(*arguments: Any) -> bytes:
    """Shim for ``bytes``, which an empty array is pickled with."""
    if arguments:
        raise pickle.UnpicklingError('bytes that are made of something.')
    return b''


SAFE_STAND_INS: list[tuple[Callable[..., Any], str]] = [
    (_Dtype, 'numpy.dtype'),
    (_Ndarray, 'numpy.ndarray'),
    *((_Array, f'numpy.{core}.multiarray._reconstruct') for core in ('core', '_core')),
    *((_Scalar, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')),
    (_History, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_nothing, 'builtins.getattr'),
    (_no_bytes, 'builtins.bytes'),
]


def resolve_stand_ins(value: Any) -> Any:
    """Replaces every shim in nested dictionaries, lists and tuples by the object that it stands for."""
    if isinstance(value, (_Array, _Scalar)):
        return value.value
    if isinstance(value, _Dtype):
        return value.dtype
    if isinstance(value, _History):
        return _history_buffer(value.state)
    if isinstance(value, dict):
        for key, entry in value.items():  # in place: a state dict has attributes of its own
            value[key] = resolve_stand_ins(entry)
        return value
    if type(value) is list:
        value[:] = [resolve_stand_ins(entry) for entry in value]
        return value
    if type(value) is tuple:
        return tuple(resolve_stand_ins(entry) for entry in value)
    return value


def _history_buffer(state: dict[str, Any]) -> Any:
    from mmengine.logging import HistoryBuffer

    log, count = (resolve_stand_ins(state.get(name, ())) for name in ('_log_history', '_count_history'))
    maximum = state.get('max_length', 1000000)
    return HistoryBuffer(log, count, maximum)
