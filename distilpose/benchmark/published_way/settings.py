"""A config without what makes it fast."""

from __future__ import annotations

import copy

from mmengine.config import Config

_OF_LOWER_PRECISION = ('dtype', 'loss_scale')
_LOOPING_OPTIMIZERS = ('Adam', 'AdamW', 'SGD')


def published_settings(cfg: Config) -> Config:
    """The same training in float32, channels first, not compiled, the teacher as it is stored, a loop over weights as
    optimizer.

    Args:
        cfg: of a training; it stays as it is.
    """
    cfg = copy.deepcopy(cfg)
    wrapper = cfg.optim_wrapper
    wrapper.type = 'OptimWrapper'
    for name in _OF_LOWER_PRECISION:
        wrapper.pop(name, None)
    if wrapper.optimizer.type in _LOOPING_OPTIMIZERS:
        wrapper.optimizer.update(fused=False, foreach=False)
    if cfg.model.type == 'PoseDistiller':
        cfg.model.teacher.update(dtype=None, compile=None, quick=False)
    cfg.custom_hooks = [hook for hook in cfg.get('custom_hooks') or () if not _changes_layout(hook)]
    cfg.default_hooks = {name: hook for name, hook in (cfg.get('default_hooks') or {}).items()
                         if not _changes_layout(hook)}
    cfg.compile = False
    return cfg


def has_channels_last(cfg: Config) -> bool:
    """Whether a training stores convolutions channel-last."""
    return any(map(_changes_layout, [*(cfg.get('custom_hooks') or ()), *(cfg.get('default_hooks') or {}).values()]))


def _changes_layout(hook: dict | None) -> bool:
    return hook is not None and hook.get('type') == 'ChannelsLastHook'
