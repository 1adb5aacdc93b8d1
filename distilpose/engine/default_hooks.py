"""Default hooks of every training, added to configs that do not name them, such as those of mmpose."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from ..config.option_names import MMENGINE_HOOKS
from ..config.walk import type_name
from ..errors import DistilPoseError

DEFAULT_HOOKS: dict[str, dict[str, Any]] = dict(
    accumulated_gradients=dict(type='AccumulatedGradientsHook'),
    agreement=dict(type='AgreementHook'),
    checkpoint=dict(type='SafeCheckpointHook', interval=1),
    crop_store=dict(type='CropStoreHook'),
    finite_check=dict(type='FiniteCheckHook'),
    moving_average=dict(type='MovingAverageHook'),
    resume_facts=dict(type='ResumeFactsHook'),
    resume_position=dict(type='ResumePositionHook'),
    signals=dict(type='SignalHook'),
    skipped_images=dict(type='SkippedImagesHook'),
    start_weights=dict(type='StartWeightsHook'),
    strict_loading=dict(type='StrictResumeHook'),
    teacher_check=dict(type='TeacherCheckHook'),
    teacher_report=dict(type='TeacherReportHook'),
    validation_check=dict(type='ValidationCheckHook'),
)
"""Key in ``default_hooks`` -> config of the hook."""
_NEARLY = 0.85


def add_default_hooks(cfg: Config) -> None:
    """Adds those of :data:`DEFAULT_HOOKS` that a config does not name, in place.

    A config turns one off with ``default_hooks = dict(KEY=None)``, as it does with mmengine's. A CheckpointHook that
    the config names becomes a SafeCheckpointHook with the same arguments; with a ``runner_type`` of its own, which
    may save shards on every process, it stays.

    Raises:
        DistilPoseError: a key is nearly that of another hook, which would run beside it.
    """
    if not cfg.get('default_hooks'):
        cfg.default_hooks = {}
    hooks = cfg.default_hooks
    _check_keys(hooks)
    is_sharded = 'runner_type' in cfg
    complete_default_hooks(cfg)
    for key, hook in DEFAULT_HOOKS.items():
        if key not in hooks and find_hook(cfg, key) is None and not (is_sharded and key == 'checkpoint'):
            hooks[key] = copy.deepcopy(hook)
    for key in [key for key, hook in hooks.items() if hook is None and key not in MMENGINE_HOOKS]:
        del hooks[key]
    for hook in _configs(cfg):
        if is_hook(hook, 'CheckpointHook') and not is_sharded:
            hook['type'] = 'SafeCheckpointHook'


def find_hook(cfg: Config, key: str) -> dict[str, Any] | None:
    """The config of the hook of a key of :data:`DEFAULT_HOOKS`, also under another key or in ``custom_hooks``.

    ``None`` where the config does not name it.
    """
    return next((hook for hook in _configs(cfg) if is_hook(hook, DEFAULT_HOOKS[key]['type'])), None)


def is_hook(hook: Any, name: str) -> bool:
    """Whether an entry of a config's hooks is the one of this class name.

    Args:
        hook: a config, whose ``type`` is a name, also after a scope (``'mmpose.NAME'``), or a class; or a hook.
        name: of the class.
    """
    return type_name(hook.get('type') if isinstance(hook, dict) else type(hook)) == name


def every_hook(cfg: Config) -> list[Any]:
    """The entries of a config's default and custom hooks: configs, hooks, and ``None`` for one that is off."""
    return [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]


def _configs(cfg: Config) -> list[dict[str, Any]]:
    return [hook for hook in every_hook(cfg) if isinstance(hook, dict)]


def change_hook(cfg: Config, key: str, **arguments: Any) -> None:
    """Sets arguments of a hook of :data:`DEFAULT_HOOKS`, in place; adds it to a config that does not name it."""
    hook = find_hook(cfg, key)
    if hook is None:
        cfg.default_hooks = cfg.get('default_hooks') or {}
        cfg.default_hooks[key] = {**DEFAULT_HOOKS[key], **(cfg.default_hooks.get(key) or {}), **arguments}
    else:
        hook.update(arguments)


def complete_default_hooks(cfg: Config) -> None:
    """Adds what :data:`DEFAULT_HOOKS` has to hooks that the config names, in place.

    An option such as ``default_hooks.crop_store.folder`` may have come before the hook.
    """
    hooks = cfg.get('default_hooks') or {}
    for key, hook in DEFAULT_HOOKS.items():
        if isinstance(hooks.get(key), dict):
            hooks[key] = {**hook, **hooks[key]}


def _check_keys(hooks: Mapping[str, Any]) -> None:
    known = [*MMENGINE_HOOKS, *DEFAULT_HOOKS]
    for key in hooks:
        close = difflib.get_close_matches(key, known, n=1, cutoff=_NEARLY)
        if key not in known and close:
            raise DistilPoseError(f'default_hooks has the key {key!r}; did you mean {close[0]!r}? A hook of your own '
                                  'goes into custom_hooks, or has a key that is less like it')
