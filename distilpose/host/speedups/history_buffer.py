"""History buffers of logged values that grow in place."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np
from mmengine.logging import HistoryBuffer

copying = HistoryBuffer.update
"""mmengine's own, which copies the history to append a value."""


@functools.wraps(copying)
def update(self: HistoryBuffer, log_val: int | float, count: int | float = 1) -> None:
    """mmengine's ``HistoryBuffer.update``, which appends in place where there is no other reference to the history.

    A copy takes milliseconds in each iteration of a training of hundreds of thousands.

    Args:
        log_val: what is logged.
        count: of how many it is the sum.
    """
    if not isinstance(log_val, (int, float)) or not isinstance(count, (int, float)):
        copying(self, log_val, count)  # refuses it
        return
    self._log_history = appended(vars(self), '_log_history', log_val)
    self._count_history = appended(vars(self), '_count_history', count)
    if len(self._log_history) > self.max_length:
        self._log_history = self._log_history[-self.max_length:]
        self._count_history = self._count_history[-self.max_length:]


def appended(fields: dict[str, Any], name: str, value: int | float) -> np.ndarray:
    """What ``np.append(fields[name], value)`` gives, with room behind it for the next values.

    The value is written behind the array where that is a view of a larger one with room, and both are referenced by
    the field alone: a slice, a shallow copy of the history or an array that a caller keeps stays as it is.

    Args:
        fields: of an object.
        name: of the field with the array.
        value: what comes next.
    """
    history = fields[name]
    dtype = np.result_type(history, np.asarray(value))
    if type(history) is not np.ndarray or history.ndim != 1 or dtype.kind not in 'biuf':
        return np.append(history, value)
    end = _end(history, dtype)
    del history
    if end is None or not _is_unshared(fields, name):
        history = fields[name]
        room, end = np.empty(2 * len(history) + 2, dtype), len(history)
        room[:end] = history
    else:
        history = fields[name]
        room = history.base
    room[end] = value
    return room[end - len(history):end + 1]


def _end(history: np.ndarray, dtype: np.dtype) -> int | None:
    """Where the next value goes in the array of which a history is a view; None where there is no place for it."""
    room = history.base
    if type(room) is not np.ndarray or room.ndim != 1 or not room.dtype == history.dtype == dtype:
        return None
    if not (room.flags.c_contiguous and history.flags.c_contiguous and room.flags.writeable and len(history)):
        return None
    end = (history.ctypes.data - room.ctypes.data) // history.itemsize + len(history)
    return end if end < len(room) else None


def _references(fields: dict[str, Any], name: str) -> tuple[int, int]:
    """How many references Python counts to a field's array and to the array of which it is a view."""
    return sys.getrefcount(fields[name]), sys.getrefcount(fields[name].base)


_UNSHARED = _references(dict(history=np.zeros(2)[:1]), 'history')


def _is_unshared(fields: dict[str, Any], name: str) -> bool:
    """Whether an array, and the array of which it is a view, are referenced by this field alone."""
    return _references(fields, name) == _UNSHARED
