"""Device with values and without a GPU: tensors on PrivateUse1 that compute on the CPU and refuse the CPU's tensors.

``pytest --device fake -m device`` runs the tests that take ``device`` on it. An operation of two devices fails, as does
``.numpy()``, with the words of a GPU; values are the CPU's. Experimental in torch, and for tests only.
:mod:`tests.fake_device` is for whole networks, which have no values there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from tests import fake_device

NAME = fake_device.NAME
_aten: Any = torch.ops.aten
_MIXED = (_aten.index.Tensor, _aten.index_put_.default, _aten.index_put.default, _aten.copy_.default)
"""Which take tensors of two devices."""


class Valued(Tensor):
    """A tensor that says that it is on the device and holds its values on the CPU."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor, *, requires_grad: bool = False) -> Valued:
        made = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            device=torch.device(NAME, 0), requires_grad=requires_grad)
        made.inner = inner
        return made

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f'Valued({self.inner!r})'

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _compute(func, args, kwargs or {})

    __torch_function__ = torch._C._disabled_torch_function_impl


class _Mode(TorchDispatchMode):
    """Takes what has no tensor of the device among its arguments."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _compute(func, args, kwargs or {})


def _compute(func: Any, args: tuple, kwargs: dict) -> Any:
    leaves = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    valued = [leaf for leaf in leaves if isinstance(leaf, Valued)]
    target = kwargs.get('device')
    stays = bool(valued) if target is None else torch.device(target).type == NAME
    if not valued and not stays:
        return func(*args, **kwargs)
    if func is torch.ops.prim.device.default:
        return torch.device(NAME, 0)
    if valued and func not in _MIXED:
        for leaf in leaves:
            if not isinstance(leaf, Valued) and leaf.dim() and leaf.device.type != NAME:
                raise RuntimeError(f'Expected all tensors to be on the same device, but found at least two devices, '
                                   f'{NAME}:0 and cpu! ({func})')
    if func is _aten.copy_.default and not isinstance(args[0], Valued):
        return args[0].copy_(args[1].inner)
    inner_kwargs = {**kwargs, 'device': 'cpu'} if target is not None else kwargs
    inner_kwargs.pop('pin_memory', None)
    originals = {id(leaf.inner): leaf for leaf in valued}
    unwrapped = pytree.tree_map_only(Valued, lambda leaf: leaf.inner, (args, inner_kwargs))
    if func is _aten._to_copy.default and target is not None:
        out = func(*unwrapped[0], **unwrapped[1])
        return Valued(out) if stays else out
    out = func(*unwrapped[0], **unwrapped[1])

    def wrapped(leaf: Tensor) -> Tensor:
        return originals[id(leaf)] if id(leaf) in originals else Valued(leaf)

    return pytree.tree_map_only(Tensor, wrapped, out) if stays else out


class _Values(TorchFunctionMode):
    """Sends what torch does below its dispatcher through it."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and _is_named(kwargs.get('device')):
            device = kwargs.pop('device')
            if func is torch.as_tensor and isinstance(args[0], Valued):
                return args[0].to(kwargs.get('dtype', args[0].dtype))
            wants = kwargs.pop('requires_grad', False)
            return func(*args, **kwargs).to(device).detach().requires_grad_(wants)
        if func is Tensor.new_tensor and isinstance(args[0], Valued):
            device = kwargs.pop('device', args[0].device)
            return torch.tensor(*args[1:], **{'dtype': args[0].dtype, **kwargs}).to(device)
        if func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], Valued):
            args = (args[0], fake_device._with_tensors(args[1]), *args[2:])
        if func is Tensor.tolist and isinstance(args[0], Valued):
            return args[0].cpu().tolist()
        if func in (Tensor.numpy, Tensor.__array__) and isinstance(args[0], Valued):
            raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy. "
                            'Use Tensor.cpu() to copy the tensor to host memory first.')
        return func(*args, **kwargs)


def _is_named(device: Any) -> bool:
    return device is not None and torch.device(device).type == NAME


@contextmanager
def valued_device() -> Iterator[torch.device]:
    """The device, while open."""
    fake_device._register()
    with ExitStack() as stack:
        stack.enter_context(torch.autograd.set_multithreading_enabled(False))
        stack.enter_context(mock.patch.object(nn.Module, '_apply', fake_device._apply))
        mode = _Mode()
        fake_device._OPEN.append(mode)  # type: ignore[arg-type]
        stack.callback(fake_device._OPEN.remove, mode)
        stack.enter_context(mode)
        stack.enter_context(_Values())
        yield torch.device(NAME, 0)
