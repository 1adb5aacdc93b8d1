"""Optimised copy of a network for inference, rebuilt when the weights or modules of the network change."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from threading import Lock
from typing import Any, NamedTuple, TypeGuard

from torch import Tensor, nn

from distilpose.models.optimised import optimise_for_inference

_changes = attrgetter('_version')
"""Torch's count of the changes to a tensor's values."""


class _Made(NamedTuple):
    """A copy, and what the estimator was when it was made."""

    copy: Any
    modules: list[tuple[nn.Module, int | None]]
    tensors: list[Tensor]
    changes: int


class OptimisedCopy:
    """The copy of an estimator by :func:`~distilpose.models.optimised.optimise_for_inference`, made at its first use.

    The copy is made anew once the estimator's weights or running statistics are others: one of them was written to,
    or its backbone, neck or head is another module or lies elsewhere. Within these no module is expected to be
    replaced or moved by itself: to look for that in every batch takes ten times as long, milliseconds.

    Several threads may use it: one of them makes the copy while the others wait for it.

    Args:
        model: the estimator.
        **speed: ``dtype`` and ``compile`` of :func:`~distilpose.models.optimised.optimise_for_inference`.
    """

    def __init__(self, model: Any, **speed: Any) -> None:
        self.model, self.speed = model, speed
        self._made: _Made | None = None  # replaced as a whole, so that no thread reads half of it
        self._lock = Lock()

    def current(self) -> Any:
        """The copy of the estimator as it is now."""
        made = self._made
        if not self._is_current(made):
            with self._lock:
                made = self._made
                if not self._is_current(made):
                    made = self._made = self._make()
        return made.copy

    def forget(self) -> None:
        """Gives the copy's memory back."""
        self._made = None

    def _is_current(self, made: _Made | None) -> TypeGuard[_Made]:
        return (made is not None and made.modules == self._modules()
                and made.changes == sum(map(_changes, made.tensors)))

    def _make(self) -> _Made:
        tensors, modules = [*self.model.parameters(), *self.model.buffers()], self._modules()
        changes = sum(map(_changes, tensors))
        return _Made(optimise_for_inference(self.model, visual_tokens=True, **self.speed), modules, tensors, changes)

    def _modules(self) -> list[tuple[nn.Module, int | None]]:
        return [(module, _place(module)) for module in self.model.children()]

    def __reduce__(self) -> tuple:
        """A pickled or copied one makes its copy anew; locks and compiled functions cannot be pickled."""
        return partial(OptimisedCopy, **self.speed), (self.model,)


def _place(module: nn.Module) -> int | None:
    """Address of its first weight; it changes when the module is moved or gets other weights."""
    weight = next(module.parameters(), None)
    return None if weight is None else weight.data_ptr()
