"""Deep copies, against Python's own."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from mmpose.datasets import dataset_wrappers
from mmpose.datasets.datasets.base import base_coco_style_dataset

from distilpose.host.speedups.deep_copies import deepcopy


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.strides == other.strides and np.array_equal(one, other)
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_equal_to_pythons_and_apart_from_the_original() -> None:
    shared = [1, 2]
    value = [[[0, 1], [2, 3]], shared, shared, (1, [2]), dict(a=[3]), np.arange(6.).reshape(2, 3).T, 'a', None,
             np.array([[4], None], dtype=object)]
    found, expected = deepcopy(value), copy.deepcopy(value)
    assert all(map(same, found[:-1], expected[:-1])) and found[-1].tolist() == expected[-1].tolist()
    assert found[1] is found[2] and found[1] is not shared
    found[0][1].append(9)
    found[3][1].append(9)
    found[4]['a'].append(9)
    found[5][0] = 9
    assert all(map(same, value[:-1], expected[:-1]))


def test_a_list_that_holds_itself() -> None:
    value: list[Any] = [[1]]
    value.append(value)
    found = deepcopy(value)
    assert found[1] is found and found is not value and found[0] == [1]


def test_mmposes_data_sets_use_it() -> None:
    assert dataset_wrappers.deepcopy is base_coco_style_dataset.deepcopy is deepcopy
