"""Histories that grow in place against mmengine's, which are copied."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from distilpose.host.speedups import history_buffer
from distilpose.host.speedups.history_buffer import copying


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
    found, expected = HistoryBuffer([3, 4], [1, 1]), HistoryBuffer([3, 4], [1, 1])
    for value, dtype in ((5, int), (6, int), (True, int), (0.5, float), (7, float), (np.float64(2), float)):
        found.update(value)
        copying(expected, value)
        assert_equal(found, expected)
        assert found.data[0].dtype == dtype


@pytest.mark.parametrize(('log', 'count'), [
    (np.ones((1, 4)), np.ones((1, 4))), (np.zeros((0, 3)), np.zeros((0, 3))), (np.ones((2, 2)).T, np.ones(2)),
    (np.arange(9.)[::-2], np.arange(5)), (np.ones(3, np.float32), np.ones(3, np.int32)), (np.ones(2, bool), [1, 1]),
    (np.array([1, None], object), [1, 1]), (np.array(['a']), [1]), (np.ones(2, complex), [1, 1])])
def test_any_history_is_continued_as_mmengines(log: Any, count: Any) -> None:
    """Of any shape, layout and type, also where mmengine flattens it, or makes text of a number."""
    found, expected = HistoryBuffer(max_length=4), HistoryBuffer(max_length=4)
    found._log_history, found._count_history = np.asarray(log), np.asarray(count)
    expected._log_history, expected._count_history = np.asarray(log), np.asarray(count)
    for value in (1, 2.5, 2 ** 70, 3):
        found.update(value)
        copying(expected, value)
        for one, other in zip(found.data, expected.data, strict=True):
            assert one.dtype == other.dtype and one.tolist() == other.tolist()


@pytest.mark.parametrize('max_length', [0, -2, 2.5])
def test_odd_lengths_are_mmengines(max_length: Any) -> None:
    def run(update: Callable[..., None]) -> Any:
        history = HistoryBuffer(max_length=1000)
        history.max_length = max_length
        try:
            for value in range(5):
                update(history, value)
        except TypeError as error:
            return str(error), history.data[0].tolist()
        return history.data[0].tolist()

    assert run(HistoryBuffer.update) == run(copying)


def test_a_subclass_of_arrays_is_copied() -> None:
    found, expected = HistoryBuffer(), HistoryBuffer()
    for history, update in ((found, HistoryBuffer.update), (expected, copying)):
        history._log_history = np.ma.masked_array([1.0, 2.0], [False, True])
        update(history, 3.0)
    assert type(found._log_history) is type(expected._log_history)
    assert found._log_history.tolist() == expected._log_history.tolist()


@pytest.mark.parametrize('keep', [
    lambda history: history.data[0], lambda history: history.data[0][1:],
    lambda history: history.data[0].reshape(1, -1),
    lambda history: torch.from_numpy(history.data[0]), lambda history: copy.copy(history).data[0]])
def test_what_a_caller_keeps_is_its_own(keep: Callable[[HistoryBuffer], Any]) -> None:
    """It does not change when values are logged, and writing into it does not change the history."""
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    history.update(3.0)
    kept = keep(history)
    before = kept.tolist()
    history.update(4.0)
    assert kept.tolist() == before
    kept[:] = 9
    history.update(5.0)
    assert history.data[0].tolist() == [1, 2, 3, 4, 5]


def test_a_history_that_the_copy_of_another_left_behind_is_continued() -> None:
    first = HistoryBuffer([1.0], [1])
    first.update(2.0)
    second, third = copy.copy(first), copy.copy(first)
    for history, value in ((first, 3.0), (second, 4.0), (third, 5.0), (second, 6.0), (first, 7.0), (third, 8.0)):
        history.update(value)
    assert [history.data[0].tolist() for history in (first, second, third)] == [
        [1, 2, 3, 7], [1, 2, 4, 6], [1, 2, 5, 8]]


@pytest.mark.parametrize('duplicate', [
    copy.copy, copy.deepcopy, lambda history: pickle.loads(pickle.dumps(history)),
    lambda history: HistoryBuffer(*history.data)])
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
    history, places = HistoryBuffer(), set()
    for value in range(1000):
        history.update(float(value))
        places.add(history.data[0].ctypes.data)
    assert len(places) <= 11


@pytest.mark.parametrize(('value', 'count'), [('1', 1), (1.0, None)])
def test_what_is_no_number_is_refused(value: object, count: object) -> None:
    history = HistoryBuffer([1.0], [1])
    with pytest.raises(TypeError, match='must be int or float'):
        history.update(value, count)
    assert len(history.data[0]) == len(history.data[1]) == 1
