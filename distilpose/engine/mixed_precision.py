"""Mixed precision: autocast in bfloat16 or float16, on the CPU as on GPUs (``--amp``)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS
from torch import Tensor, nn

from ..errors import DistilPoseError
from ..models.fast_settings import resolve_and_log
from ..models.optimised import DTYPES

_NEARLY = 0.8
_PLAIN_WRAPPERS = ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper')


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Runs the forward pass under ``torch.autocast``; scales the loss where the type needs it.

    mmengine's ``AmpOptimWrapper`` exists on accelerators only; this one takes the device of the parameters. Weights
    and optimizer states stay in float32.

    Args:
        dtype: ``'bfloat16'``, or ``'float16'`` (CUDA only), for which gradients are scaled; ``'auto'`` for bfloat16
            where the device multiplies it fast, else float32, which is logged.
        loss_scale: options of ``torch.amp.GradScaler``, used for float16.
        **kwargs: of :class:`mmengine.optim.OptimWrapper`: optimizer, accumulative_counts, clip_grad.

    Raises:
        DistilPoseError: when the device cannot compute in this type.
    """

    def __init__(self, *, dtype: str = 'bfloat16', loss_scale: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.device_type = self.optimizer.param_groups[0]['params'][0].device.type
        self.dtype = self._resolve(dtype)
        self.loss_scaler = torch.amp.GradScaler(
            self.device_type, **(loss_scale or {}), enabled=self.dtype is torch.float16)

    def _resolve(self, dtype: str) -> torch.dtype:
        found = resolve_and_log(dtype, self.device_type, entry='optim_wrapper.dtype', what='the forward pass is')
        return torch.float32 if found is None else autocast_dtype(found, self.device_type)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The context of the forward pass: autocast, and no synchronisation while gradients accumulate."""
        with super().optim_context(model), torch.autocast(
                self.device_type, dtype=self.dtype, enabled=self.dtype is not torch.float32):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Computes the gradients of the scaled loss."""
        self.loss_scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Clips the unscaled gradients and updates the weights, unless a float16 gradient overflowed."""
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state, and the scaler's where there is one."""
        state = super().state_dict()
        if self.loss_scaler.is_enabled():
            state['loss_scaler'] = self.loss_scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes a state with or without a scaler's, so that a run may be resumed in another precision."""
        state = dict(state_dict)
        scaler = state.pop('loss_scaler', None)
        if scaler and self.loss_scaler.is_enabled():
            self.loss_scaler.load_state_dict(scaler)
        super().load_state_dict(state)


def check_custom_keys(model: nn.Module, wrapper: Any) -> list[str]:
    """Looks for ``paramwise_cfg.custom_keys`` that are in the name of no parameter, and so change nothing.

    Args:
        model: without wrappers.
        wrapper: ``optim_wrapper`` of a config.

    Returns:
        Those of them that are like no part of a name, which may be of another network.

    Raises:
        DistilPoseError: one is nearly a part of the names, such as ``'bakbone'``.
    """
    options = wrapper.get('paramwise_cfg') if isinstance(wrapper, Mapping) else None
    names = [name for name, _ in model.named_parameters()]
    parts = sorted({part for name in names for part in name.split('.') if not part.isdecimal()})
    unused = [key for key in (options or {}).get('custom_keys') or {} if not any(key in name for name in names)]
    for key in unused:
        *_, last = key.split('.')
        close = difflib.get_close_matches(last, parts, n=1, cutoff=_NEARLY)
        if close and last not in parts:
            raise DistilPoseError(f'optim_wrapper.paramwise_cfg.custom_keys has {key!r}, which is in the name of no '
                                  f'parameter; did you mean {close[0]!r}? Names are such as {names[0]}')
    return unused


def autocast_dtype(name: str, device_type: str) -> torch.dtype:
    """The torch type of this name.

    Raises:
        DistilPoseError: when the type is unknown or this kind of device cannot train in it.
    """
    if name not in DTYPES:
        raise DistilPoseError(f'optim_wrapper.dtype is {name!r}; --amp trains in one of {", ".join(DTYPES)}')
    if not torch.amp.is_autocast_available(device_type):
        raise DistilPoseError(f'torch has no mixed precision for {device_type!r} devices; leave out --amp')
    if name == 'float16' and device_type != 'cuda':
        raise DistilPoseError(f'float16 trains on CUDA devices only, and this run is on {device_type!r}; '
                              "use bfloat16 (optim_wrapper.dtype='bfloat16')")
    if name == 'bfloat16' and device_type == 'cuda' and not torch.cuda.is_bf16_supported():
        raise DistilPoseError('this GPU cannot compute in bfloat16; add --cfg-options optim_wrapper.dtype=float16')
    return DTYPES[name]


def use_autocast(cfg: Config) -> None:
    """Makes the optimizer's wrapper one with mixed precision, in place.

    Raises:
        DistilPoseError: when the config has a wrapper of its own.
    """
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind not in _PLAIN_WRAPPERS:
        raise DistilPoseError(f'--amp does not go together with optim_wrapper.type={kind!r}; expected one of '
                              f'{", ".join(_PLAIN_WRAPPERS)}')
    wrapper.type = 'AutocastOptimWrapper'
    wrapper.setdefault('dtype', 'bfloat16')
    if isinstance(wrapper.get('loss_scale'), str):
        wrapper.pop('loss_scale')  # mmengine's 'dynamic' is what the scaler does anyway
