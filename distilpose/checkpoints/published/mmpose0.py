"""Pose estimators of mmpose 0.x."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from .source import PublishedSource

Value = TypeVar('Value')

_OLD, _NEW = 'keypoint_head.', 'head.'


def rename_mmpose0(state: Mapping[str, Value]) -> dict[str, Value]:
    """Gives the head its name of mmpose 1.x; what changed inside of a head, mmpose's heads translate when they load."""
    return {_NEW + key.removeprefix(_OLD) if key.startswith(_OLD) else key: value for key, value in state.items()}


def _is_mmpose0(keys: Collection[str]) -> bool:
    return any(key.startswith(_OLD) for key in keys)


MMPOSE0 = PublishedSource('a pose estimator of mmpose 0.x', _is_mmpose0, rename_mmpose0)
