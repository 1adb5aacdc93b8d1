"""torch's compiler, imported when something is compiled: an optimizer imports it for marks that only it reads."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

import torch
from torch.optim import Optimizer

from .lazy_imports import when_imported

P = ParamSpec('P')
R = TypeVar('R')
_COMPILER = 'torch._dynamo'
_MARK = '__dynamo_disable'
"""Attribute of a function with which torch caches its form that is not compiled."""
_MARKED: list[Any] = []
"""Functions that are their own form while the compiler is not imported."""
OPTIMIZERS = ('Adadelta', 'Adagrad', 'Adam', 'Adamax', 'ASGD', 'NAdam', 'RAdam', 'RMSprop', 'Rprop', 'SGD')
"""Those of torch whose ``step`` imports the compiler; AdamW inherits Adam's."""


def not_compiled(function: Callable[P, R]) -> Callable[P, R]:
    """``torch.compiler.disable``, without an import of the compiler."""
    if _COMPILER in sys.modules:
        return torch.compiler.disable(function)
    _call_directly(function)
    return torch._disable_dynamo(function)


def optimize_without_compiler() -> bool:
    """Lets optimizers work without an import of the compiler until it is imported for something else."""
    if _COMPILER in sys.modules:
        return False
    for name in ('add_param_group', 'load_state_dict', 'state_dict', 'zero_grad'):
        _call_directly(getattr(Optimizer, name).__wrapped__)
    for name in OPTIMIZERS:
        optimizer = getattr(torch.optim, name)
        if optimizer.step.__code__.co_name == '_use_grad':  # not one whose steps are profiled since the first instance
            optimizer.step = _without_graph_breaks(optimizer.step)
    return True


def _without_graph_breaks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that breaks graphs, as torch's does, only where the compiler is imported."""
    function = step.__wrapped__  # type: ignore[attr-defined]

    @functools.wraps(function)
    def _use_grad(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if _COMPILER in sys.modules:
            return step(self, *args, **kwargs)
        before = torch.is_grad_enabled()
        try:
            torch.set_grad_enabled(self.defaults['differentiable'])
            return function(self, *args, **kwargs)
        finally:
            torch.set_grad_enabled(before)

    return _use_grad


def _call_directly(function: Any) -> None:
    if not _MARKED:
        when_imported([_COMPILER], _mark_when_executed)
    if function not in _MARKED:
        _MARKED.append(function)
    setattr(function, _MARK, function)


def _mark_when_executed(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Executes the compiler's module, and marks functions as torch does when they are first called."""
    for function in _MARKED:
        vars(function).pop(_MARK, None)  # not there after an import that failed
    execute(module)
    for function in _MARKED:
        setattr(function, _MARK, module.disable(function, True, wrapping=False))
