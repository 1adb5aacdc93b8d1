"""Compiled functions of a network: ``torch.compile``, on a CPU with frozen weights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from distilpose.errors import DistilPoseError

Function = Callable[..., Any]
"""Of a module and its inputs."""
COMPILE_MODES = ('default', 'reduce-overhead', 'max-autotune')
WITH_CUDA_GRAPHS = ('reduce-overhead', 'max-autotune')
_THREAD = threading.local()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Runs the functions that :func:`compiled` returned as they are, in this thread.

    A batch of another size than those of the training would have them compiled for any size, which is slower.
    """
    before = getattr(_THREAD, 'is_uncompiled', False)
    _THREAD.is_uncompiled = True
    try:
        yield
    finally:
        _THREAD.is_uncompiled = before


def compiled(function: Function, *, mode: str, is_frozen: bool = False) -> Function:
    """A function of a module and its inputs, compiled in a mode of ``torch.compile``.

    Args:
        function: of a module and its inputs.
        mode: one of :data:`COMPILE_MODES`.
        is_frozen: in mode ``'default'`` and without gradients the weights become constants, so that they are packed for
            the processor once. They must not change.

    Raises:
        DistilPoseError: when it is first called, where this machine has no compiler.
    """
    run = _compile(function, mode=mode, is_frozen=is_frozen and mode == 'default')

    def checked(module: Any, inputs: Any) -> Any:
        if getattr(_THREAD, 'is_uncompiled', False):
            return function(module, inputs)
        try:
            return run(module, inputs)
        except Exception as error:
            reason = _reason(error)
            if reason is None:
                raise
            raise DistilPoseError(f'torch.compile ({mode}) failed on this machine: {reason}. It needs a C++ compiler, '
                                  'and Triton on GPUs; or leave out compile') from error
    return checked


def _compile(function: Function, *, mode: str, is_frozen: bool) -> Function:
    if not is_frozen:
        return torch.compile(function, mode=mode)
    from torch._inductor.compile_fx import compile_fx  # its import takes seconds

    # A backend of its own for every network: torch gives functions of one backend to all networks of a class, and the
    # weights are part of these functions.
    return torch.compile(function, backend=partial(compile_fx, config_patches={'freezing': True}))


def _reason(error: Exception) -> str | None:
    """Why compiling failed; ``None`` for errors of the function itself."""
    from torch._dynamo.exc import BackendCompilerFailed, TorchDynamoException

    if isinstance(error, BackendCompilerFailed):
        return str(error.inner_exception).splitlines()[0]
    return str(error).splitlines()[0] if isinstance(error, TorchDynamoException) else None
