"""Tests on any device and in any type: moving what fixtures made on the CPU, and comparing within the type's precision.

``pytest --device cuda --dtype bfloat16`` chooses for the fixtures ``device`` and ``dtype``. Inputs are drawn on the
CPU, so that they are the same everywhere, and moved::

    def test_identity(device, dtype):
        maps = on(torch.rand(2, 17, 64, 48), device, dtype)
        assert_close(move(maps, COMMON_GRID), maps)

Tests with ``@on_device`` move what they make by themselves (:func:`made_on`); those with ``@in_dtype`` are made in the
type of ``--dtype``, too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode

DTYPES = dict(float32=torch.float32, float64=torch.float64, bfloat16=torch.bfloat16, float16=torch.float16)
T = TypeVar('T')
_TESTS = f'{Path(__file__).resolve().parent}/'
_MAKERS = frozenset((torch.rand, torch.randn, torch.randint, torch.randperm, torch.zeros, torch.ones, torch.full,
                     torch.empty, torch.tensor, torch.as_tensor, torch.arange, torch.linspace, torch.eye))
on_device, in_dtype = pytest.mark.usefixtures('on_device'), pytest.mark.usefixtures('in_dtype')


@contextmanager
def made_on(device: torch.device | str, dtype: torch.dtype | None = None) -> Iterator[None]:
    """What tests make lies on a device, as if each line ended in ``.to(device)``: tensors, and modules they build.

    Unlike ``torch.set_default_device`` it draws inputs on the CPU, so that they are the same everywhere, and leaves
    alone what the package makes: a tensor that the package forgets to make on the device of its input is found.
    On CUDA they compute in full float32 and deterministically, so that the tolerances of the CPU hold.
    Parameters and buffers move when they are registered, so plain attributes stay where the package made them.

    Args:
        device: of tensors and modules.
        dtype: of what would be float32, ``None`` to keep it.
    """
    def moved(module: nn.Module, name: str, value: Tensor | None) -> Tensor | None:
        if value is None or value.is_meta or not _is_being_made(module):
            return None
        there = _there(value, device, dtype)
        if there.device == value.device and there.dtype is value.dtype:
            return None  # so that tied weights stay tied
        return nn.Parameter(there, requires_grad=value.requires_grad) if isinstance(value, nn.Parameter) else there

    start = BaseDataPreprocessor.__init__

    def start_on_device(self: BaseDataPreprocessor, *args: Any, **kwargs: Any) -> None:
        start(self, *args, **kwargs)
        self._device = torch.device(device)

    with ExitStack() as stack:
        for register in (hooks.register_module_parameter_registration_hook,
                         hooks.register_module_buffer_registration_hook):
            stack.callback(register(moved).remove)
        stack.enter_context(mock.patch.object(BaseDataPreprocessor, '__init__', start_on_device))
        stack.enter_context(torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False))
        stack.enter_context(_MadeOn(device, dtype))
        yield


def _there(value: Tensor, device: torch.device | str, dtype: torch.dtype | None) -> Tensor:
    return value.detach().to(device, dtype if value.dtype is torch.float32 else None)


def _is_being_made(module: nn.Module) -> bool:
    """And is neither changed later nor converted from another, which may lie elsewhere by then."""
    frame, is_made = sys._getframe(2), False
    while frame is not None:
        is_made |= frame.f_code.co_name == '__init__' and frame.f_locals.get('self') is module
        if frame.f_code.co_name == 'optimise_for_inference':
            return False
        frame = frame.f_back  # type: ignore[assignment]
    return is_made


class _MadeOn(TorchFunctionMode):
    """Moves what the lines of test files make."""

    def __init__(self, device: torch.device | str, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.device, self.dtype = device, dtype

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        made = func(*args, **(kwargs or {}))
        caller = sys._getframe(1).f_code.co_filename
        if func in _MAKERS and 'device' not in (kwargs or {}) and caller.startswith(_TESTS):
            return _there(made, self.device, self.dtype).requires_grad_(made.requires_grad)
        return made


def on(value: T, device: torch.device | str, dtype: torch.dtype | None = None) -> T:
    """Tensors, modules and data samples, in lists, tuples, named tuples and dicts, on a device.

    Args:
        value: is not changed, but for modules, which move in place.
        device: where to.
        dtype: of floating-point tensors and of modules, ``None`` to keep theirs; data samples keep theirs.
    """
    moved: Any = value
    if isinstance(value, Tensor):
        moved = value.to(device, dtype if value.is_floating_point() else None)
    elif isinstance(value, nn.Module):
        moved = value.to(device) if dtype is None else value.to(device, dtype)
    elif isinstance(value, BaseDataElement):
        moved = value.to(device)
    elif isinstance(value, dict):
        moved = type(value)({key: on(entry, device, dtype) for key, entry in value.items()})
    elif isinstance(value, tuple) and hasattr(value, '_fields'):
        moved = type(value)(*(on(entry, device, dtype) for entry in value))
    elif isinstance(value, (list, tuple)):
        moved = type(value)(on(entry, device, dtype) for entry in value)
    return moved


def tolerance(dtype: torch.dtype, device: torch.device | str = 'cpu', *, scale: float = 1.0) -> dict[str, float]:
    """``rtol`` and ``atol`` of values around 1 after some operations in a type: ten times its rounding, and more.

    CUDA adds in another order, and its float32 convolutions may round to 10 bits (TF32).

    Args:
        dtype: of the computation.
        device: see above.
        scale: of the values, for ``atol``.
    """
    share = 10 * torch.finfo(dtype).eps if dtype.is_floating_point else 0.0
    if torch.device(device).type != 'cpu' and dtype is torch.float32:
        share = 1e-3 if torch.backends.cudnn.allow_tf32 else 1e-5
    return dict(rtol=share, atol=share * scale)


def assert_close(found: Tensor, expected: Tensor | float, *, scale: float = 1.0, **given: float) -> None:
    """Values on any device against expected ones, within :func:`tolerance` of the type that was found."""
    options = {**tolerance(found.dtype, found.device, scale=scale), **given}
    other = torch.as_tensor(expected)
    torch.testing.assert_close(found.detach().cpu(), other.detach().cpu().to(found.dtype).expand_as(found), **options)
