"""Giving a module another method for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def shadowed(module: nn.Module, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """While open, the module's method of this name is the function; what was there before comes back."""
    before = module.__dict__.get(name)
    setattr(module, name, function)
    try:
        yield
    finally:
        delattr(module, name)
        if before is not None:
            setattr(module, name, before)
