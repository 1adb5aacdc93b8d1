"""Options of the command line that change a config: ``--cfg-options`` and ``--data-root``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from distilpose.errors import DistilPoseError

from .walk import change_strings

_PATH_OPTIONS = ('checkpoint', 'load_from', 'config')
_READ_BY_RUNNER = frozenset({
    'model', 'work_dir', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'val_cfg', 'test_cfg',
    'auto_scale_lr', 'optim_wrapper', 'param_scheduler', 'val_evaluator', 'test_evaluator', 'default_hooks',
    'custom_hooks', 'data_preprocessor', 'load_from', 'resume', 'env_cfg', 'log_processor', 'log_level', 'visualizer',
    'default_scope', 'randomness', 'experiment_name', 'compile', 'model_wrapper_cfg', 'find_unused_parameters',
    'sync_bn', 'activation_checkpointing', 'efficient_conv_bn_eval', 'runner_type', 'data_root', 'dataset_type',
    'data_mode', 'launcher',
})


def parse_value(text: str) -> Any:
    """Reads the value of ``--cfg-options KEY=VALUE`` as mmengine's ``DictAction``, but keeps spaces in plain values.

    Values look like Python's: numbers, ``True``, ``None``, ``a,b`` or ``[a,b]`` for lists, ``(a,b)`` for tuples.

    Raises:
        DistilPoseError: brackets are unbalanced.
    """
    if ',' not in text and text[:1] not in ('(', '['):
        return DictAction._parse_int_float_bool(text)
    try:
        return DictAction._parse_iterable(text)
    except AssertionError as error:
        raise DistilPoseError(f'the value {text!r} of --cfg-options has unbalanced brackets') from error


def merge_options(cfg: Config, options: Mapping[str, Any]) -> list[str]:
    """Puts the values of ``--cfg-options`` into the config, in place.

    A file that an option names is looked for from the current directory first.

    Returns:
        Warnings: options that created a new key, or changed one that nothing reads any more.

    Raises:
        DistilPoseError: when an option does not fit the config.
    """
    options = {key: _from_here(key, value) for key, value in options.items()}
    warnings = [warning for key in options if (warning := _option_warning(cfg, key))]
    for key, value in options.items():
        try:
            cfg.merge_from_dict({key: value})
        except (TypeError, KeyError, AttributeError) as error:
            reason = error.args[0] if error.args else error
            raise DistilPoseError(f'--cfg-options {key}={value} does not fit the config: {reason}') from error
    return warnings


def _from_here(key: str, value: Any) -> Any:
    if key.rpartition('.')[2] not in _PATH_OPTIONS or not isinstance(value, str):
        return value
    here = Path(value).expanduser().absolute()
    return str(here) if here.is_file() else value


def _option_warning(cfg: Config, key: str) -> str | None:
    first = key.partition('.')[0]
    if first not in _READ_BY_RUNNER:
        if first not in cfg:
            return _unknown(key, first, list(_READ_BY_RUNNER))
        return (f'--cfg-options {key} has no effect: {first} only helped to write the config, and what was made of it '
                'keeps its value. Name the place where it is used, such as train_dataloader.dataset.pipeline.0')
    node: Any = cfg._cfg_dict
    for part in key.split('.'):
        if isinstance(node, Mapping) and part in node:
            node = node[part]
        elif isinstance(node, (list, tuple)) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return _unknown(key, part, list(node) if isinstance(node, Mapping) else [])
    return None


def _unknown(key: str, part: str, known: list[str]) -> str:
    close = difflib.get_close_matches(part, known, n=1)
    hint = f'; did you mean {close[0]!r}?' if close else ''
    return f'--cfg-options {key} is new: the config had no {part!r} there{hint}'


def set_data_root(cfg: Config, folder: str | Path) -> None:
    """Moves every path below the config's ``data_root`` to another folder, in place.

    Args:
        cfg: has a top-level ``data_root``; every string in it that begins with that folder is changed.
        folder: the new folder, from the current directory.

    Raises:
        DistilPoseError: when the config has no ``data_root``.
    """
    old = cfg.get('data_root')
    if not isinstance(old, str) or not old.strip('/'):
        raise DistilPoseError(f'the config has no top-level data_root to replace (found {old!r}), so --data-root '
                              'cannot move its data; name the paths with --cfg-options '
                              'train_dataloader.dataset.data_root=...')
    start, new = old.rstrip('/'), str(Path(folder).expanduser().absolute())

    def moved(text: str) -> str:
        return new + text[len(start):] if text == start or text.startswith(f'{start}/') else text

    for key, value in change_strings(cfg.to_dict(), moved).items():
        cfg[key] = value
