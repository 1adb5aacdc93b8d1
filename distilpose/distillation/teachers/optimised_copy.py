"""Optimised copy of a network for inference, rebuilt when the weights or modules of the network change."""

from __future__ import annotations

import logging
from functools import partial
from operator import attrgetter
from threading import Lock
from typing import Any, NamedTuple, TypeGuard

from mmengine.logging import print_log
from torch import Tensor, nn

from distilpose.models.compiling import uncompiled
from distilpose.models.optimised import optimise_for_inference

from ..layers import Layers

_TOLERANCE, _TOLERANCE_OF_HALF = 1e-2, 1e-1
"""Largest difference of a layer by rounding, as a share of its largest output; TF32 is among the former."""
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

    Layers that are recorded have the estimator's outputs in the copy but for rounding; where fusing changes them or
    leaves them out, the log names them and the estimator itself is used.

    Args:
        model: the estimator.
        layers: of it, that are recorded.
        **speed: ``dtype`` and ``compile`` of :func:`~distilpose.models.optimised.optimise_for_inference`.
    """

    def __init__(self, model: Any, *, layers: Layers | None = None, **speed: Any) -> None:
        self.model, self.layers, self.speed = model, layers, speed
        self._made: _Made | None = None  # replaced as a whole, so that no thread reads half of it
        self._lock = Lock()

    def with_layers(self, layers: Layers) -> OptimisedCopy:
        """One of the same estimator whose layers are recorded."""
        return OptimisedCopy(self.model, layers=layers, **self.speed)

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
        records = self.layers is not None and bool(self.layers.names)
        optimised = optimise_for_inference(self.model, visual_tokens=True, keeps_taps=records, **self.speed)
        return _Made(self._checked(optimised) if records else optimised, modules, tensors, changes)

    def _checked(self, optimised: Any) -> Any:
        """The copy, or the estimator where layers of the copy have other outputs."""
        assert self.layers is not None
        tolerance = _TOLERANCE if self.speed.get('dtype') is None else _TOLERANCE_OF_HALF
        with uncompiled():
            differing = self.layers.differing(self.model, optimised, tolerance=tolerance)
        if not differing:
            return optimised
        print_log(f'The teacher predicts with the stored network and not with a copy optimised for inference, which '
                  f'has other outputs of {", ".join(differing)} or none: it fuses batch normalisation and activations '
                  'into the layers before them, and has other layers inside of token encoders in bfloat16. The output '
                  'of the block around it, or of the encoder, would be the same in both.',
                  'current', logging.WARNING)
        return self.model

    def _modules(self) -> list[tuple[nn.Module, int | None]]:
        return [(module, _place(module)) for module in self.model.children()]

    def __reduce__(self) -> tuple:
        """A pickled or copied one makes its copy anew; locks and compiled functions cannot be pickled."""
        return partial(OptimisedCopy, layers=self.layers, **self.speed), (self.model,)


def _place(module: nn.Module) -> int | None:
    """Address of its first weight; it changes when the module is moved or gets other weights."""
    weight = next(module.parameters(), None)
    return None if weight is None else weight.data_ptr()
