"""Deep copies of what samples hold: arrays of numbers, lists and tuples, in less time than ``copy.deepcopy`` takes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

CONSTANTS = frozenset((str, bytes, int, float, bool, type(None)))
"""Types whose values are their own copies."""


def deep_copies(values: dict[str, Any]) -> dict[str, Any]:
    """What ``copy.deepcopy`` gives for a dictionary."""
    copies: dict[int, Any] = {}
    return {name: deepcopy(value, copies) for name, value in values.items()}


def deepcopy(value: Any, memo: dict[int, Any] | None = None) -> Any:
    """``copy.deepcopy``.

    Args:
        value: of any kind; of a kind without a quick way, ``copy.deepcopy`` makes the copy.
        memo: id of an object -> its copy, of those that were copied before.
    """
    kind, key, copies = type(value), id(value), {} if memo is None else memo
    if key not in copies:
        if kind is np.ndarray and value.dtype != object:
            copies[key] = value.copy(order='K')
        elif kind in (list, tuple) and CONSTANTS.issuperset(map(type, value)):
            copies[key] = value.copy() if kind is list else value
        elif kind is list:
            copies[key] = []  # first, since the list may hold itself
            copies[key] += [deepcopy(entry, copies) for entry in value]
        else:
            return copy.deepcopy(value, copies)
    return copies[key]
