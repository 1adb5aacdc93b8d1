"""Partial loading: the weights that fit into a model are loaded, and the others are listed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import Tensor, nn

_OTHER_SHAPE = re.compile(r'size mismatch for ([^\s:]+):')
_COUNTER = 'num_batches_tracked'  # of batch norms, which older files lack and no prediction uses
_MOST = 4


class Fit(NamedTuple):
    """What happened to the tensors of a model and of a file."""

    taken: list[str]
    """Of the model, from the file."""
    kept: list[str]
    """Of the model, as they were."""
    other_shapes: list[str]
    """Of those kept, which the file has in another shape."""
    unused: list[str]
    """Of the file, which the model does not have."""

    @property
    def is_complete(self) -> bool:
        """Whether all tensors that matter came from the file."""
        return all(name.endswith(_COUNTER) for name in self.kept)

    def describe(self, source: str) -> str:
        """One line about it."""
        total = len(self.taken) + len(self.kept)
        if not self.kept and not self.unused:
            return f'All {total} tensors of the model were taken from {source}.'
        words = [f'{len(self.taken)} of the {total} tensors of the model were taken from {source}']
        if self.kept:
            words.append(f'{len(self.kept)} keep the values that they started with: {_some(self.kept)}')
        if self.other_shapes:
            words.append(f'{len(self.other_shapes)} of these have another shape in the file, as the last layer for '
                         f'another number of keypoints has: {_some(self.other_shapes)}')
        if self.unused:
            words.append(f'{len(self.unused)} of the file are not in the model: {_some(self.unused)}')
        return '; '.join(words) + '.'


def load_fitting(model: nn.Module, state: Mapping[str, Tensor]) -> Fit:
    """Loads the tensors that the model has in the same shape; its own hooks for older names apply.

    Args:
        model: takes them in place.
        state: name -> tensor.
    """
    own = model.state_dict()
    before = {name: value._version for name, value in own.items() if isinstance(value, Tensor)}
    try:
        other_shapes: list[str] = []
        unused = model.load_state_dict(state, strict=False).unexpected_keys
    except RuntimeError as error:  # torch has loaded the others then
        other_shapes = _OTHER_SHAPE.findall(str(error))
        if not other_shapes:
            raise
        unused = [name for name in state if name not in own]
    taken = [name for name, version in before.items() if own[name]._version > version
             and (not name.endswith(_COUNTER) or name in state)]  # torch sets the counters that a file lacks
    return Fit(taken, [name for name in own if name not in taken], other_shapes, list(unused))


def _some(names: Iterable[str]) -> str:
    found = list(names)
    return ', '.join(found[:_MOST]) + (', ...' if len(found) > _MOST else '')
