"""The copy of a network that answers in its place, as long as both agree."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from torch import Tensor, nn

from distilpose.models.quick import quickened

_changes = attrgetter('_version')
"""Torch's count of the changes to a tensor's values."""


class QuickCopy:
    """Makes the :func:`~distilpose.models.quick.quickened` copy of an estimator when it is first asked for.

    The copy is made anew once the estimator's weights or running statistics are others: one of them was written to,
    or its backbone, neck or head is another module or lies elsewhere. Within these no module is expected to be
    replaced or moved by itself: to look for that in every batch takes ten times as long, milliseconds.

    Args:
        model: the estimator.
        **speed: ``dtype`` and ``compile`` of :func:`~distilpose.models.quick.quickened`.
    """

    def __init__(self, model: Any, **speed: Any) -> None:
        self.model, self.speed = model, speed
        self._copy: Any = None
        self._parts: list[tuple[nn.Module, int | None]] = []
        self._tensors: list[Tensor] = []
        self._count = 0

    def current(self) -> Any:
        """The copy of the estimator as it is now."""
        parts = [(part, _place(part)) for part in self.model.children()]
        if parts != self._parts or sum(map(_changes, self._tensors)) != self._count:
            self._copy = quickened(self.model, visual_tokens=True, **self.speed)
            self._parts, self._tensors = parts, [*self.model.parameters(), *self.model.buffers()]
            self._count = sum(map(_changes, self._tensors))
        return self._copy

    def forget(self) -> None:
        """Gives the copy's memory back."""
        self._copy, self._parts, self._tensors = None, [], []


def _place(part: nn.Module) -> int | None:
    """Where its first weight lies; moving a part, or giving it other weights, moves that one."""
    weight = next(part.parameters(), None)
    return None if weight is None else weight.data_ptr()
