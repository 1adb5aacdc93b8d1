"""Histories that grow in place against mmengine's, which are copied."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from mmengine.logging import HistoryBuffer

from distilpose.host.speedups import history_buffer
from distilpose.host.speedups.history_buffer import appended, copying


def assert_equal(found: HistoryBuffer, expected: HistoryBuffer) -> None:
    for one, other in zip(found.data, expected.data, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert found.mean(3) == expected.mean(3) and found.current() == expected.current()


def test_it_is_how_mmengine_logs() -> None:
    assert HistoryBuffer.update is history_buffer.update


@pytest.mark.parametrize('max_length', [1_000_000, 7, 1])
def test_a_history_is_mmengines(max_length: int) -> None:
    found, expected = HistoryBuffer(max_length=max_length), HistoryBuffer(max_length=max_length)
    for step in range(40):
        value = step / 3 if step % 5 else step
        found.update(value, 1 + step % 2)
        copying(expected, value, 1 + step % 2)
        assert_equal(found, expected)


def test_whole_numbers_stay_so_until_a_fraction_comes() -> None:
    history = np.array([3, 4])
    for value, dtype in ((5, int), (6, int), (0.5, float), (7, float)):
        expected = np.append(history, value)
        history = appended(history, value)
        np.testing.assert_array_equal(history, expected)
        assert history.dtype == expected.dtype == dtype


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda history: pickle.loads(pickle.dumps(history))])
def test_a_copy_goes_on_by_itself(duplicate: Callable[[HistoryBuffer], HistoryBuffer]) -> None:
    """As the checkpoint of a run does, which is a copy."""
    first = HistoryBuffer([1.0, 2.0], [1, 1])
    first.update(3.0)
    second, seen = duplicate(first), first.data[0]
    first.update(4.0)
    second.update(5.0)
    assert first.data[0].tolist() == [1, 2, 3, 4] and second.data[0].tolist() == [1, 2, 3, 5]
    assert seen.tolist() == [1, 2, 3]


def test_it_is_rarely_copied() -> None:
    history, places = np.zeros(1), set()
    for value in range(1000):
        history = appended(history, float(value))
        places.add(history.ctypes.data)
    assert len(places) <= 11


@pytest.mark.parametrize(('value', 'count'), [('1', 1), (1.0, None)])
def test_what_is_no_number_is_refused(value: object, count: object) -> None:
    history = HistoryBuffer([1.0], [1])
    with pytest.raises(TypeError, match='must be int or float'):
        history.update(value, count)
    assert len(history.data[0]) == len(history.data[1]) == 1
