"""Assigning functions to the modules and classes of other packages."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from typing import Any


def resolve(name: str) -> Any:
    """The object that ``package.module:Class.attribute`` names, as an entry point does; imports the module."""
    module, _, attributes = name.partition(':')
    return functools.reduce(getattr, attributes.split('.') if attributes else (), importlib.import_module(module))


def replace(target: str, replacement: str) -> None:
    """Assigns a replacement to a target, both named as for :func:`resolve`."""
    owner, _, attribute = target.rpartition('.' if '.' in target.partition(':')[2] else ':')
    setattr(resolve(owner), attribute, resolve(replacement))


def replace_everywhere(old: Any, new: Any, package: str) -> None:
    """Replaces a function in every imported module of a package that has it by name."""
    for name, module in list(sys.modules.items()):
        if name.partition('.')[0] != package:
            continue
        for attribute, value in list(vars(module).items()):
            if value is old:
                setattr(module, attribute, new)


@contextlib.contextmanager
def attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """While open, the attribute of an object has this value."""
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
