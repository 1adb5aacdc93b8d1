"""Lets an unmodified head compute its loss from a prediction that exists already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def replayed(head: nn.Module, prediction: Any) -> Iterator[None]:
    """While open, ``head.forward`` (which mmpose's ``head.loss`` calls by name) returns ``prediction``.

    Forward hooks are no alternative, since ``self.forward(...)`` does not fire them.
    """
    shadowed = head.__dict__.get('forward')
    head.forward = lambda *args, **kwargs: prediction
    try:
        yield
    finally:
        del head.forward
        if shadowed is not None:
            head.forward = shadowed
