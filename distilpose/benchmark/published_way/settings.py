"""A config without what makes it fast."""

from __future__ import annotations

import copy

from mmengine.config import Config

_LAYOUT_HOOKS = ('ChannelsLastHook',)
_OF_LOWER_PRECISION = ('dtype', 'loss_scale')
_LOOPING_OPTIMIZERS = ('Adam', 'AdamW', 'SGD')


def published_settings(cfg: Config) -> Config:
    """The same training in float32, channels first, the teacher as it is stored, a loop over weights as optimizer.

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
    cfg.custom_hooks = [hook for hook in cfg.get('custom_hooks') or () if hook['type'] not in _LAYOUT_HOOKS]
    return cfg
