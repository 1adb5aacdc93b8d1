"""A config without what makes it fast."""

from __future__ import annotations

import copy

from mmengine.config import Config

from distilpose.engine.hooks.channels_last import is_channels_last

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
        cfg.model.teacher.update(dtype=None, compile=None, fused=False)
    cfg.custom_hooks = [hook for hook in cfg.get('custom_hooks') or () if not is_channels_last(hook)]
    cfg.default_hooks = {name: hook for name, hook in (cfg.get('default_hooks') or {}).items()
                         if not is_channels_last(hook)}
    cfg.compile = False
    return cfg
