"""The copy of a network that answers in its place, as long as both agree."""

from __future__ import annotations

from itertools import chain
from typing import Any

from distilpose.models.quick import quickened


class QuickCopy:
    """Makes the :func:`~distilpose.models.quick.quickened` copy of an estimator when it is first asked for.

    The copy is made anew once the estimator's weights or running statistics are others: loaded anew, on another
    device, of another module.

    Args:
        model: the estimator.
        **speed: ``dtype`` and ``compile`` of :func:`~distilpose.models.quick.quickened`.
    """

    def __init__(self, model: Any, **speed: Any) -> None:
        self.model, self.speed = model, speed
        self._copy: Any = None
        self._made_of: tuple[tuple[int, int], ...] = ()

    def current(self) -> Any:
        """The copy of the estimator as it is now."""
        # Where each tensor lies, and torch's count of the changes to its values there.
        tensors = chain(self.model.parameters(), self.model.buffers())
        made_of = tuple((tensor.data_ptr(), tensor._version) for tensor in tensors)
        if made_of != self._made_of:
            self._copy, self._made_of = quickened(self.model, visual_tokens=True, **self.speed), made_of
        return self._copy

    def forget(self) -> None:
        """Gives the copy's memory back."""
        self._copy, self._made_of = None, ()
