"""Compiled functions of a network: ``torch.compile``, on a CPU with frozen weights."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor
from torch.utils import _pytree as pytree

from distilpose.errors import DistilPoseError

Function = Callable[..., Any]
"""Of a module and its inputs."""
COMPILE_MODES = ('default', 'reduce-overhead', 'max-autotune')
WITH_CUDA_GRAPHS = ('reduce-overhead', 'max-autotune')


def compiled(function: Function, *, mode: str, is_frozen: bool = False, only_batch: int | None = None,
             falls_back: bool = False) -> Function:
    """A function of a module and its inputs, compiled in a mode of ``torch.compile``.

    Args:
        function: whose tensors have the batch in their first dimension.
        mode: one of :data:`COMPILE_MODES`.
        is_frozen: in mode ``'default'`` and without gradients the weights become constants, so that they are packed for
            the processor once. They must not change.
        only_batch: batches of other sizes than this, and than twice this (with mirror images), are not compiled.
        falls_back: where compiling fails, a line is logged and the function runs uncompiled; else an error is raised.

    Raises:
        DistilPoseError: when it is first called, where this machine has no compiler.
    """
    run = _compile(function, mode=mode, is_frozen=is_frozen and mode == 'default', is_static=only_batch is not None)
    has_failed = False

    def checked(module: Any, inputs: Any) -> Any:
        nonlocal has_failed
        if has_failed or (only_batch is not None and _batch_size(inputs) not in (only_batch, 2 * only_batch)):
            return function(module, inputs)
        try:
            return run(module, inputs)
        except Exception as error:
            reason = _reason(error)
            if reason is None or not falls_back:
                if reason is None:
                    raise
                raise DistilPoseError(f'torch.compile ({mode}) failed on this machine: {reason}. It needs a C++ '
                                      'compiler, and Triton on GPUs; or leave out compile') from error
            has_failed = True
            print_log(f'torch.compile ({mode}) failed on this machine, and predictions go on uncompiled: {reason}.',
                      'current', logging.WARNING)
            return function(module, inputs)
    return checked


def _compile(function: Function, *, mode: str, is_frozen: bool, is_static: bool) -> Function:
    options: dict[str, Any] = dict(dynamic=False) if is_static else {}
    if not is_frozen:
        return torch.compile(function, mode=mode, **options)
    from torch._inductor.compile_fx import compile_fx  # its import takes seconds

    # A backend of its own for every network: torch gives functions of one backend to all networks of a class, and the
    # weights are part of these functions.
    return torch.compile(function, backend=partial(compile_fx, config_patches={'freezing': True}), **options)


def _reason(error: Exception) -> str | None:
    """Why compiling failed; ``None`` for errors of the function itself."""
    from torch._dynamo.exc import BackendCompilerFailed, TorchDynamoException

    if isinstance(error, BackendCompilerFailed):
        return str(error.inner_exception).splitlines()[0]
    return str(error).splitlines()[0] if isinstance(error, TorchDynamoException) else None


def _batch_size(inputs: Any) -> int:
    return next(len(leaf) for leaf in pytree.tree_leaves(inputs) if isinstance(leaf, Tensor))
