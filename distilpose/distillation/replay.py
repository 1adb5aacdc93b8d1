"""Lets an unmodified head compute its loss from a prediction that exists already."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from torch import nn

from distilpose.shadowing import shadowed


def replayed(head: nn.Module, prediction: Any) -> AbstractContextManager[None]:
    """While open, ``head.forward`` (which mmpose's ``head.loss`` calls by name) returns ``prediction``.

    Forward hooks are no alternative, since ``self.forward(...)`` does not fire them.
    """
    return shadowed(head, 'forward', lambda *args, **kwargs: prediction)
