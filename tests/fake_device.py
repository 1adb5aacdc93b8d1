"""Fake device: tensors without values on PrivateUse1, and a record of copies and synchronisations, without a GPU.

Tensors on it are FakeTensors: operations compute shapes, types and devices only, so that a training step of any network
takes seconds, and an operation of two devices fails as on a GPU. What would wait for a GPU is recorded and answered
with made-up values, because ``.cpu()`` and ``.item()`` fail nowhere. Experimental in torch, and for tests only::

    with fake_device() as device:
        model.to(device)
        with record() as found:
            model.train_step(batch, wrapper)
        assert not found.waits
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils import backend_registration

from distilpose.host.speedups import heatmap_decoding

NAME = 'fakegpu'
ROOT = Path(__file__).resolve().parents[1]
_OPEN: list[_Mode] = []
_INITIALISERS = ('kaiming_uniform_', 'kaiming_normal_', 'xavier_uniform_', 'xavier_normal_', 'uniform_', 'normal_',
                 'trunc_normal_', 'constant_', 'ones_', 'zeros_')
_OWN = ('/torch/', '/tests/fake_device.py', '/contextlib.py', '/functools.py', '/unittest/')
_aten: Any = torch.ops.aten
_INDEXED = (_aten.index.Tensor, _aten.index_put_.default, _aten.index_put.default)
_READ = (_aten._local_scalar_dense.default, _aten.equal.default, _aten.allclose.default)


@dataclass(frozen=True)
class Wait:
    """Something for which a program waits until the device has done its work."""

    kind: str
    """A ``'value'`` that Python reads, a ``'shape'`` that depends on values, a copy ``'to the CPU'``, or one ``'to the
    device'`` from memory that is not pinned."""
    where: str
    """``file:function`` of the innermost frames outside of torch, the caller last."""


@dataclass
class Record:
    """What a block did on the device."""

    waits: list[Wait] = field(default_factory=list)
    launches: Counter[str] = field(default_factory=Counter)
    """Operations on the device by section; views are none."""
    section: str = ''

    def counted(self) -> Counter[str]:
        """``'kind: where'`` -> how often."""
        return Counter(f'{wait.kind}: {wait.where}' for wait in self.waits)


@contextmanager
def fake_device() -> Iterator[torch.device]:
    """The device; while open, all tensors are fake, modules move to it, and first weights have no values."""
    _register()
    with ExitStack() as stack:
        stack.enter_context(torch.autograd.set_multithreading_enabled(False))  # the engine has no thread for it
        for name in _INITIALISERS:
            stack.enter_context(mock.patch.object(nn.init, name, lambda tensor, *args, **kwargs: tensor))
        stack.enter_context(mock.patch.object(nn.Module, '_apply', _apply))
        mode = _Mode(allow_non_fake_inputs=True)
        for stored in (heatmap_decoding._offsets, heatmap_decoding._blur_matrix):
            stack.callback(stored.cache_clear)  # its tensors belong to this mode
        _OPEN.append(mode)
        stack.callback(_OPEN.remove, mode)
        stack.enter_context(mode)
        stack.enter_context(_Values())
        yield torch.device(NAME, 0)


@contextmanager
def record() -> Iterator[Record]:
    """Records what is done on the device; inside of :func:`fake_device`."""
    with mock.patch.object(_OPEN[-1], 'found', Record()) as found:
        yield found


class _Mode(FakeTensorMode):
    """Records what waits, and answers what depends on values: 1, true, and as many places as a mask has cells."""

    found: Record | None = None
    is_inside = False
    """Of an operation that torch takes apart, which is one launch."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if self.is_inside or func is torch.ops.prim.device.default:
            return self._answer(func, types, args, kwargs)
        kind = None if self.found is None else _waits(func, args, kwargs)
        if kind is not None:
            self.found.waits.append(Wait(kind, _where()))  # type: ignore[union-attr]
        self.is_inside = True
        try:
            out = self._answer(func, types, args, kwargs)
        finally:
            self.is_inside = False
        if self.found is not None and not func.is_view and any(
                _is_on_device(leaf) for leaf in pytree.tree_leaves((args, out))):
            self.found.launches[self.found.section] += 1
        return out

    def _answer(self, func: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        if func is _aten._local_scalar_dense.default:
            value = _constant(args[0])
            return _one(args[0].dtype) if value is None else value.item()
        if func in (_aten.equal.default, _aten.allclose.default):
            if any(_constant(value) is None for value in args[:2]):
                return True
        elif func is _aten._to_copy.default and _is_fake(kwargs.get('device')) and _constant(args[0]) is not None:
            with self:
                return torch.empty(args[0].shape, dtype=kwargs.get('dtype', args[0].dtype), device=kwargs['device'])
        elif func is _aten.nonzero.default:
            return args[0].new_empty(args[0].numel(), args[0].dim(), dtype=torch.int64)
        elif func is _aten.masked_select.default:
            return args[0].new_empty(args[0].numel())
        elif func in _INDEXED:
            args = (args[0], [place for index in args[1] for place in _as_places(index)], *args[2:])
            if func is not _aten.index.Tensor and args[2].dim() == 1:
                args = (*args[:2], args[2].new_empty(()), *args[3:])  # values for each true cell
        return super().__torch_dispatch__(func, types, args, kwargs)


class _Values(TorchFunctionMode):
    """Sends what torch does below its dispatcher through it: constants for the device, lists and arrays from it."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and _is_fake(kwargs.get('device')):
            device = kwargs.pop('device')
            made = args[0].detach().clone() if isinstance(args[0], Tensor) else func(*args, **kwargs)
            return made.to(device)
        if func is Tensor.new_tensor and _is_on_device(args[0]) and _is_fake(kwargs.get('device', args[0].device)):
            device = kwargs.pop('device', args[0].device)
            return torch.tensor(*args[1:], **{'dtype': args[0].dtype, **kwargs}).to(device)
        if func is Tensor.__deepcopy__ and type(args[0]) is not nn.Parameter:
            copied = args[0].detach().clone().requires_grad_(args[0].requires_grad)
            return args[1].setdefault(id(args[0]), copied)
        if func in (Tensor.__getitem__, Tensor.__setitem__) and _is_on_device(args[0]):
            args = (args[0], _with_tensors(args[1]), *args[2:])
        if func in (Tensor.numpy, Tensor.__array__, Tensor.tolist) and isinstance(args[0], FakeTensor):
            return _read(args[0], as_list=func is Tensor.tolist)
        return func(*args, **kwargs)


def _waits(func: Any, args: tuple, kwargs: dict) -> str | None:
    """The kind of :class:`Wait`, if it is one on CUDA."""
    if func in _READ:
        return 'value' if _is_on_device(args[0]) else None
    if func is _aten._to_copy.default and 'device' in kwargs:
        return _copy_kind(args[0].device, kwargs['device'], non_blocking=kwargs.get('non_blocking', False))
    if func is _aten.copy_.default:
        is_one = args[1].dim() == 0 and args[1].device.type == 'cpu'  # becomes an argument of a kernel
        return None if is_one else _copy_kind(args[1].device, args[0].device,
                                              non_blocking=len(args) > 2 and bool(args[2]))
    if func in (_aten.nonzero.default, _aten.masked_select.default):
        return 'shape' if _is_on_device(args[0]) else None
    if func in _INDEXED and _is_on_device(args[0]):
        indices = [index for index in args[1] if index is not None]
        fills = func is not _aten.index.Tensor and args[2].numel() == 1
        if any(index.dtype is torch.bool for index in indices) and not fills:
            return 'shape'
        if any(index.device.type == 'cpu' for index in indices):
            return 'to the device'
    return None


def _copy_kind(source: torch.device, target: torch.device, *, non_blocking: bool) -> str | None:
    if source.type == target.type or non_blocking:
        return None
    return 'to the CPU' if source.type == NAME else 'to the device'


def _where(most: int = 2) -> str:
    """The innermost frames that are neither torch's nor this file's."""
    frame, found = sys._getframe(1), []
    while frame is not None and len(found) < most:
        file = frame.f_code.co_filename
        if not any(part in file for part in _OWN):
            short = file.removeprefix(f'{ROOT}/').rpartition('site-packages/')[2]
            found.append(f'{short}:{frame.f_code.co_name}')
        frame = frame.f_back  # type: ignore[assignment]
    return ' < '.join(found)


def _with_tensors(index: Any) -> Any:
    """An index whose lists are tensors on the CPU, which is what torch makes of them."""
    if isinstance(index, tuple):
        return tuple(map(_with_tensors, index))
    return torch.tensor(index) if isinstance(index, (list, np.ndarray)) else index


def _as_places(index: Tensor | None) -> list[Tensor | None]:
    """Places of the true cells of a mask, as if all were true."""
    if index is None or index.dtype is not torch.bool:
        return [index]
    return [index.new_empty(index.numel(), dtype=torch.int64) for _ in range(index.dim())]


def _read(tensor: FakeTensor, *, as_list: bool) -> Any:
    if _is_on_device(tensor):
        tensor = tensor.cpu()  # which is recorded
    value = _constant(tensor)
    if value is not None:
        with unset_fake_temporarily():
            return value.tolist() if as_list else value.numpy()
    dtype = str(tensor.dtype).removeprefix('torch.').replace('bfloat16', 'float32')
    array = np.ones(tuple(tensor.shape), dtype=dtype)
    return array.tolist() if as_list else array


def _constant(tensor: Any) -> Tensor | None:
    """The values of a tensor that was made of numbers on the CPU."""
    return getattr(tensor, 'constant', None) if isinstance(tensor, FakeTensor) else tensor


def _one(dtype: torch.dtype) -> bool | float | int:
    return True if dtype is torch.bool else 1.0 if dtype.is_floating_point else 1


def _is_fake(device: Any) -> bool:
    return device is not None and torch.device(device).type == NAME


def _is_on_device(value: Any) -> bool:
    return isinstance(value, FakeTensor) and value.device.type == NAME


def _apply(self: nn.Module, function: Any, recurse: bool = True) -> nn.Module:
    """``nn.Module._apply`` with new parameters and buffers: fake ones cannot be swapped."""
    for module in self.modules() if recurse else (self,):
        for name, parameter in module._parameters.items():
            if parameter is not None:
                with torch.no_grad():
                    moved = function(parameter)
                module._parameters[name] = nn.Parameter(moved.detach(), requires_grad=parameter.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = function(buffer)
    return self


class _Module(backend_registration._DummyBackendModule):
    """``torch.fakegpu``; only there while a test uses it."""

    def is_available(self) -> bool:
        return bool(_OPEN)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


class _Hooks(backend_registration._DummyPrivateUse1Hook):
    def is_available(self) -> bool:
        return bool(_OPEN)


_HALVED = ('conv1d', 'conv2d', 'conv_transpose2d.input', 'linear', 'matmul', 'mm', 'bmm', 'addmm', 'baddbmm',
           'scaled_dot_product_attention')
"""Operations that autocast computes in the shorter type."""


@cache
def _register() -> None:
    """Makes PrivateUse1 this device, for the rest of the process, with autocast.

    Not where there is a GPU: torch would then ask this device for pinned memory and its streams.
    """
    if torch.cuda.is_available():
        pytest.skip('torch takes the fake device for the GPU that is here')
    torch.ones(1, requires_grad=True).sum().backward()  # torch starts a thread for each device it knows by then
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Module(), hook=_Hooks())
    others = torch.library.Library('_', 'IMPL', 'AutocastPrivateUse1')
    others.fallback(torch.library.fallthrough_kernel)
    library = torch.library.Library('aten', 'IMPL')
    for name in _HALVED:
        operation, _, overload = name.partition('.')
        library.impl(name, partial(_halved, getattr(getattr(_aten, operation), overload or 'default')),
                     'AutocastPrivateUse1')
    _LIBRARIES.extend((others, library))


_LIBRARIES: list[torch.library.Library] = []
"""Which undo their registrations when they are deleted."""


def _halved(operation: Any, *args: Any, **kwargs: Any) -> Any:
    dtype = torch.get_autocast_dtype(NAME)
    args, kwargs = pytree.tree_map_only(Tensor, lambda value: value.to(dtype) if value.is_floating_point() else value,
                                        (args, kwargs))
    with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)):
        return operation(*args, **kwargs)
