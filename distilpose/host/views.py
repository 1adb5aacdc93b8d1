"""Views: an object with other attributes for the length of a call, without patching the object."""

from __future__ import annotations

import functools
import types
from typing import Any

from .lazy_compiler import not_compiled


@not_compiled  # which cannot trace how a view is made
def view_of(owner: Any, **attributes: Any) -> Any:
    """A view of an object: its class and its state, except for the attributes that are given here.

    Methods of the object run on the view and see these attributes: ``view_of(head, forward=function).loss(...)`` calls
    ``function`` where the loss calls ``self.forward``. The object is not written to, so that several threads may each
    have a view of it at the same time. All other state is the object's own, not a copy: what a method sets on the view
    is set on the object.

    Args:
        owner: an instance of a Python class, such as an ``nn.Module`` or a data set, but no view.
        **attributes: the view's own ones. A function is not bound to the view.
    """
    kind: Any = type(owner)
    view: Any = object.__new__(_view_class(kind, tuple(attributes)))
    object.__setattr__(view, '__dict__', vars(owner))
    for name, value in attributes.items():
        object.__setattr__(view, name, value)
    return view


@functools.cache
def _view_class(kind: type, names: tuple[str, ...]) -> type:
    """A subclass that has slots of these names; Python looks into slots before it looks into ``__dict__``."""
    fields = dict(__slots__=names, __module__=kind.__module__, __qualname__=kind.__qualname__, __doc__=kind.__doc__)
    return types.new_class(kind.__name__, (kind,), exec_body=lambda namespace: namespace.update(fields))
