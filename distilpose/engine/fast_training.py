"""Fast training: all that makes the training of a config faster, by one word (``--fast``, or ``fast`` in a config)."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmengine.device import get_device

from ..config.fast_data import has_fast_data, use_fast_data, why_no_fast_data
from ..config.named_teachers import named_teachers
from ..config.walk import type_name
from ..errors import DistilPoseError
from ..models.fast_settings import check_fast, fast_settings
from ..structures import ONLY_TEACHER
from .hooks.channels_last import has_channels_last
from .mixed_precision import autocast_dtype, use_autocast

_FUSED = ('Adam', 'AdamW', 'SGD', 'Adagrad')
_DEVICES_WITH_FUSED = ('cpu', 'cuda')
_AUTOCAST = ('AmpOptimWrapper', 'AutocastOptimWrapper')
_WITH_DTYPE = 'MovingAverageTeacher'
"""The registered teacher with an option ``dtype``, as one of a config has."""
_LAYOUT = dict(type='ChannelsLastHook')


def use_fast_training(cfg: Config, fast: str | None = None, *, device_type: str | None = None) -> None:
    """Turns on what makes a training faster, in place, by the word in its entry ``fast``.

    That is mixed precision, a teacher in the same type, the channels-last memory format, a fused optimizer and fast
    data. What the config sets itself, or ``--cfg-options``, stays. A config that was changed already is not changed
    again.

    Args:
        cfg: of a training.
        fast: one of :data:`~distilpose.models.fast_settings.FAST`, which takes the place of the entry; ``'auto'`` is
            bfloat16 where the device multiplies it fast, else float32.
        device_type: ``torch.device.type`` of the training; by default that which mmengine chooses.

    Raises:
        DistilPoseError: another word, a type that the device does not train in, or a contradiction with the config.
    """
    if fast is not None:
        cfg.fast = fast
    word = cfg.get('fast', 'off')
    check_fast(word)
    if word == 'off' or not cfg.get('optim_wrapper'):
        return
    device_type = device_type or get_device()
    _use_precision(cfg, word, device_type)
    if not has_channels_last(cfg):
        cfg.default_hooks = {**(cfg.get('default_hooks') or {}), 'layout': dict(_LAYOUT)}
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    if (optimizer.get('type') in _FUSED and device_type in _DEVICES_WITH_FUSED
            and not optimizer.keys() & {'fused', 'foreach', 'differentiable'}):
        optimizer['fused'] = True
    use_fast_data(cfg)


def describe_fast_training(cfg: Config) -> list[str]:
    """What is on in a training that :func:`use_fast_training` changed, a line for the log; none for ``'off'``."""
    word = cfg.get('fast', 'off')
    if word == 'off':
        return []
    dtype = _dtype_of(cfg)
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    found = [f'forward pass in {dtype}' if dtype else 'float32']
    for name, (_, spec) in named_teachers(cfg.model).items():
        teacher = 'teacher' if name == ONLY_TEACHER else f'teacher {name}'
        found += [f'{teacher} in {spec.get("dtype")}'] * bool(spec.get('dtype'))
        found += [f'{teacher} compiled ({spec.get("compile")})'] * bool(spec.get('compile'))
    found += ['convolutions channels-last'] * has_channels_last(cfg)
    found += [f'fused {optimizer.get("type")}'] * bool(optimizer.get('fused'))
    found += ['images decoded at the crop'] * has_fast_data(cfg)
    reason = '' if has_fast_data(cfg) else f' Data pipelines stay as they are: {why_no_fast_data(cfg)}.'
    return [f'Fast training ({word}): {", ".join(found)}.{reason}']


def _use_precision(cfg: Config, word: str, device_type: str) -> None:
    dtype = fast_settings(word, device_type).dtype
    found = _dtype_of(cfg)
    if found == 'auto' and word != 'auto':  # the word decides
        cfg.optim_wrapper.dtype = found = dtype
        if dtype is None:
            _make_plain(cfg)
    if word != 'auto' and found not in (None, dtype):
        raise DistilPoseError(f'--fast {word} and optim_wrapper.dtype={found!r} name two types; leave one of them out')
    if found is None and dtype is not None:
        autocast_dtype(dtype, device_type)
        _make_autocast(cfg, dtype)
        found = dtype
    for _, spec in named_teachers(cfg.model).values() if found is not None else ():
        if spec and type_name(spec.get('type', _WITH_DTYPE)) == _WITH_DTYPE:
            spec.setdefault('dtype', found)


def _make_autocast(cfg: Config, dtype: str) -> None:
    try:
        use_autocast(cfg)
    except DistilPoseError as error:
        raise DistilPoseError(str(error).replace('--amp', f'--fast {dtype}', 1)
                              + '; or name --fast float32') from error
    cfg.optim_wrapper.dtype = dtype


def _make_plain(cfg: Config) -> None:
    """An optimizer's wrapper in float32."""
    for name in ('dtype', 'loss_scale'):
        cfg.optim_wrapper.pop(name, None)
    cfg.optim_wrapper.type = 'OptimWrapper'


def _dtype_of(cfg: Any) -> str | None:
    """The type of the forward pass of a config's training, ``None`` for float32."""
    wrapper = cfg.optim_wrapper
    if wrapper.get('type') not in _AUTOCAST:
        return None
    return str(wrapper.get('dtype') or ('float16' if wrapper.type == 'AmpOptimWrapper' else 'bfloat16'))
