"""FPD's stacked hourglasses, whose names inside of the backbone are ours already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from .source import PublishedSource

Value = TypeVar('Value')

_MODULES = {'conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'hg', 'res', 'fc', 'score'}
"""Of any number of stacks; a single one has no ``fc_`` and ``score_``."""


def rename_hourglass(state: Mapping[str, Value]) -> dict[str, Value]:
    """A published state dict under our names: all of it is backbone, since the scores are fed back."""
    return {f'backbone.{key}': value for key, value in state.items()}


def _is_hourglass(keys: Collection[str]) -> bool:
    return {key.partition('.')[0] for key in keys} >= _MODULES


HOURGLASS = PublishedSource('a stacked hourglass of FPD', _is_hourglass, rename_hourglass, takes_bgr=True)
