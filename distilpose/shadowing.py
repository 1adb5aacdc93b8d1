"""Giving an object another method for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def shadowed(owner: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """While open, the method of this name of an object, class or module is the function; what was there comes back."""
    before = vars(owner).get(name)
    _set(owner, name, function)
    try:
        yield
    finally:
        _set(owner, name, before)


@torch.compiler.disable  # which traces the assignment and then cannot undo it
def _set(owner: Any, name: str, function: Callable[..., Any] | None) -> None:
    if function is None:
        delattr(owner, name)
    else:
        setattr(owner, name, function)
