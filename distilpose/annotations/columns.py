"""Columns of annotations as arrays: the values of one key over all entries of a file, converted in C.

A check looks at a whole column; only after it failed a loop finds the first entry to name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import numpy as np

Entry = Mapping[str, Any]

LARGEST: Final = 1e9
"""Of a number of pixels; no image is that large, and float32 computes with larger ones until it has infinity."""
MISSING: Final[Any] = type('Missing', (), {'__repr__': lambda self: 'missing', '__slots__': ()})()
"""In a column, where an entry lacks the key."""


def column(entries: Sequence[Entry], key: str) -> list[Any]:
    """The values of a key, :data:`MISSING` where an entry lacks it."""
    try:
        return list(map(itemgetter(key), entries))
    except KeyError:
        return [entry.get(key, MISSING) for entry in entries]


def have_all(entries: Sequence[Entry], key: str) -> bool:
    """Whether every entry has the key."""
    try:
        deque(map(itemgetter(key), entries), maxlen=0)
    except KeyError:
        return False
    return True


def types_of(values: Sequence[Any]) -> set[type]:
    """The types of all values, by one pass in C."""
    return set(map(type, values))


def whole_numbers(values: Sequence[Any]) -> np.ndarray | None:
    """(N,) int64; ``None`` where a value is no whole number of 64 bits. ``3.0`` is one, ``True`` is none."""
    types = types_of(values)
    if not types <= {int, float}:
        return None
    try:
        if types <= {int}:
            return np.fromiter(values, np.int64, len(values))
        found = np.fromiter(values, np.float64, len(values))
    except OverflowError:
        return None
    is_whole = bool((np.abs(found) < 2**53).all()) and bool((found == np.floor(found)).all())
    return found.astype(np.int64) if is_whole else None


def finite_numbers(values: Sequence[Any]) -> np.ndarray | None:
    """(N,) float64; ``None`` where a value is no number, or its size is above :data:`LARGEST`."""
    if not types_of(values) <= {int, float}:
        return None
    try:
        found = np.fromiter(values, np.float64, len(values))
    except OverflowError:
        return None
    return found if _are_in_range(found) else None


def table(lists: Sequence[Any], width: int) -> np.ndarray | None:
    """(N, width) float64 of N lists; ``None`` where one is no list of that length, or holds no finite number."""
    if not types_of(lists) <= {list} or not set(map(len, lists)) <= {width}:
        return None
    found = finite_values(lists, width * len(lists))
    return None if found is None else found.reshape(len(lists), width)


def finite_values(lists: Sequence[list[Any]], count: int) -> np.ndarray | None:
    """(count,) float64, the values of all lists; ``None`` as for :func:`finite_numbers`."""
    if not set(map(type, chain.from_iterable(lists))) <= {int, float}:
        return None
    try:
        found = np.fromiter(chain.from_iterable(lists), np.float64, count)
    except OverflowError:
        return None
    return found if _are_in_range(found) else None


def _are_in_range(values: np.ndarray) -> bool:
    return not values.size or bool(values.max() <= LARGEST and values.min() >= -LARGEST)  # False for NaN


def is_number(value: Any) -> bool:
    """Whether a value is a finite number of a size that pixels can have; no truth value."""
    return type(value) in (int, float) and abs(value) <= LARGEST


def wrong_places(values: Sequence[Any], is_right: Callable[[Any], bool]) -> list[int]:
    """The places of the values that are not right; for messages, after a check of the column failed."""
    return [place for place, value in enumerate(values) if not is_right(value)]
