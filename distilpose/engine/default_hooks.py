"""Hooks of every training, also of a config that does not name them, such as mmpose's own."""

from __future__ import annotations

import copy
from typing import Any

from mmengine.config import Config

DEFAULT_HOOKS: dict[str, dict[str, Any]] = dict(
    finite_check=dict(type='FiniteCheckHook'),
    accumulated_gradients=dict(type='AccumulatedGradientsHook'),
    resume_facts=dict(type='ResumeFactsHook'),
    resume_position=dict(type='ResumePositionHook'),
    start_weights=dict(type='StartWeightsHook'),
    strict_loading=dict(type='StrictResumeHook'),
)
"""Key in ``default_hooks`` -> config of the hook."""
_DROPPED_BY_MMENGINE = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
"""Keys that mmengine's Runner itself accepts with ``None``."""


def add_default_hooks(cfg: Config) -> None:
    """Adds those of :data:`DEFAULT_HOOKS` that a config does not name, in place.

    A config turns one off with ``default_hooks = dict(KEY=None)``, as it does with mmengine's.
    """
    hooks = cfg.setdefault('default_hooks', {})
    named = {hook.get('type') for hook in (*hooks.values(), *(cfg.get('custom_hooks') or ())) if isinstance(hook, dict)}
    for key, hook in DEFAULT_HOOKS.items():
        if isinstance(hooks.get(key), dict):  # an option of the command line may have come before the hook
            hooks[key] = {**hook, **hooks[key]}
        elif key not in hooks and hook['type'] not in named:
            hooks[key] = copy.deepcopy(hook)
    for key in [key for key, hook in hooks.items() if hook is None and key not in _DROPPED_BY_MMENGINE]:
        del hooks[key]
