"""Whether something reads an option that a config does not have yet: arguments of classes, and keys of plain dicts."""

from __future__ import annotations

import difflib
import fnmatch
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

import mmengine.registry
import mmpose.registry
import torch
from mmengine.dist import init_dist
from mmengine.hooks import CheckpointHook, EMAHook
from mmengine.model.wrappers import MMDistributedDataParallel
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, LogProcessor, Runner, TestLoop, ValLoop
from mmengine.runner.utils import set_random_seed
from mmengine.utils.dl_utils import set_multi_processing
from torch import nn
from torch.utils.data import DataLoader

from distilpose.errors import DistilPoseError

from .models import PAIRING_OPTIONS, read_model_source

_OF_MMENGINE = frozenset({'type', '_delete_', '_scope_'})
_TEST_CFG = frozenset({
    'align_corners', 'average', 'blur_kernel_size', 'flip_in_one_batch', 'flip_mode', 'flip_test', 'input_size',
    'max_instances', 'max_num_people', 'multiscale_test', 'nms_dist_thr', 'nms_joints_thr', 'nms_thr',
    'output_heatmaps', 'output_keypoint_indices', 'permute_scores', 'restore_heatmap_size', 'score', 'score_thr',
    'score_threshold', 'shift', 'shift_coords', 'shift_heatmap'})
_PARAMWISE = frozenset({
    'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult', 'dwconv_decay_mult',
    'dcn_offset_lr_mult', 'bypass_duplicate', 'num_layers', 'layer_decay_rate'})
MMENGINE_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
"""Keys of ``default_hooks`` that mmengine's Runner fills, and accepts with ``None``."""


class UnknownName(DistilPoseError):
    """Nothing reads an option."""


def parameters(*callables: Callable[..., Any], without: Collection[str] = ()) -> frozenset[str]:
    """Names of the parameters of functions or of constructors."""
    names: set[str] = set()
    for function in callables:
        names.update(constructor_names(function)[0] if inspect.isclass(function) else _names(function)[0])
    return frozenset(names - {'self', *without})


def constructor_names(kind: type) -> tuple[list[str], bool]:
    """The arguments that a class takes, from its constructor and those that it passes ``**kwargs`` on to.

    Returns:
        The names, and whether the last of these constructors takes any further name.
    """
    names: list[str] = []
    for base in kind.__mro__:
        constructor = vars(base).get('__init__')
        if base in (object, nn.Module) or constructor is None:
            continue
        found, is_open = _names(constructor)
        names += found[1:]
        if not is_open:
            return names, False
    return names, bool(names)


def _names(function: Callable[..., Any]) -> tuple[list[str], bool]:
    """Names of parameters, and whether there may be others."""
    try:
        found = inspect.signature(function).parameters.values()
    except ValueError:  # of a function in C that does not say
        return [], True
    named = [parameter.name for parameter in found
             if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)]
    return named, any(parameter.kind == parameter.VAR_KEYWORD for parameter in found)


@functools.cache
def _keys_of_plain_dicts() -> dict[str, frozenset[str]]:
    """Pattern of a path -> keys of a dictionary without ``type`` there, as the Runner and mmpose read them."""
    wrappers = (OptimWrapper, AmpOptimWrapper, *_registered('AutocastOptimWrapper'))
    loops = dict(without=('runner', 'dataloader'))
    return {
        'env_cfg': frozenset({'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'}),
        'env_cfg.mp_cfg': parameters(set_multi_processing, without=('distributed', )),
        'env_cfg.dist_cfg': parameters(init_dist, torch.distributed.init_process_group,
                                       without=('launcher', )) | {'port', 'timeout'},
        'randomness': parameters(Runner.set_randomness, set_random_seed),
        'auto_scale_lr': frozenset({'enable', 'base_batch_size'}),
        'train_cfg': parameters(EpochBasedTrainLoop, IterBasedTrainLoop, **loops) | {'by_epoch'},
        'val_cfg': parameters(ValLoop, without=('runner', 'dataloader', 'evaluator')),
        'test_cfg': parameters(TestLoop, without=('runner', 'dataloader', 'evaluator')),
        '*_dataloader': parameters(DataLoader) | {'num_batch_per_epoch', 'batch_sampler', 'sampler', 'dataset'},
        'optim_wrapper': parameters(*wrappers) | {'constructor', 'paramwise_cfg'},
        'optim_wrapper.clip_grad': parameters(nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_,
                                              without=('parameters', )),
        'optim_wrapper.paramwise_cfg': _PARAMWISE,
        'log_processor': parameters(LogProcessor),
        'model_wrapper_cfg': parameters(MMDistributedDataParallel, without=('module', )),
        'compile': parameters(torch.compile, without=('model', )) | {'target', 'verbose'},
        'model.*test_cfg': _TEST_CFG,
    }


def check_name(path: str, node: Mapping[str, Any], name: str, *, known: Collection[str]) -> None:
    """Checks a key that an option adds to a dictionary of the config.

    Args:
        path: where the dictionary is, with dots, ``model.head``; lists have a number.
        node: the dictionary after all options.
        name: the key that it did not have.
        known: keys that it had.

    Raises:
        UnknownName: nothing reads it; the sentence says what was expected, or a close name.
    """
    if name in _OF_MMENGINE:
        return
    if path in ('default_hooks', 'model.terms'):
        _check_entry(path, node.get(name), name, known=known)
        return
    names, is_open, owner = _readers(path, node)
    if name in names:
        return
    close = difflib.get_close_matches(name, [*known, *names], n=1, cutoff=0.7 if is_open else 0.6)
    if close or not is_open:
        raise UnknownName(_sentence(name, owner, close, names))


def _readers(path: str, node: Mapping[str, Any]) -> tuple[list[str], bool, str]:
    """Names that are read in a dictionary, whether others may be, and what reads them."""
    if isinstance(node.get('type'), (str, type)):
        return _arguments(path, node)
    for pattern, names in _keys_of_plain_dicts().items():
        if fnmatch.fnmatchcase(path, pattern):
            return sorted(names), False, path
    return [], True, path


def _arguments(path: str, node: Mapping[str, Any]) -> tuple[list[str], bool, str]:
    """Arguments of the classes and functions of a ``type``; of every kind, since a name may be registered twice."""
    kinds = _registered(node['type']) if isinstance(node['type'], str) else [node['type']]
    if not kinds:
        return [], True, str(node['type'])  # building it says that there is none
    found = [_names_of(kind, node) for kind in kinds]
    names = [name for entry, _ in found for name in entry]
    first = path.partition('.')[0]
    names += ['priority'] if first in ('default_hooks', 'custom_hooks') else []
    names += ['convert_to_iter_based'] if first == 'param_scheduler' else []
    if path == 'optim_wrapper':
        names += _keys_of_plain_dicts()[path]
    return names, any(is_open for _, is_open in found), str(node['type'])


def _names_of(kind: Any, node: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Arguments of a class or function, and whether there may be others."""
    names, is_open = constructor_names(kind) if inspect.isclass(kind) else _names(kind)
    if is_open and inspect.isclass(kind) and issubclass(kind, CheckpointHook):
        return names, False  # it would pass them on to a function that fails at the first checkpoint
    if is_open and inspect.isclass(kind) and issubclass(kind, EMAHook):
        averages = _registered(str(node.get('ema_type', 'ExponentialMovingAverage')))
        return [*names, *(name for average in averages for name in constructor_names(average)[0])], False
    return names, is_open


@functools.cache
def _registered(name: str) -> list[Any]:
    """What mmpose and mmengine have registered under a name."""
    registries = [value for module in (mmpose.registry, mmengine.registry) for value in vars(module).values()
                  if isinstance(value, Registry)]
    found = [registry.get(name) for registry in registries]
    return list(dict.fromkeys(kind for kind in found if kind is not None))


def _check_entry(path: str, value: Any, name: str, *, known: Collection[str]) -> None:
    """A new hook or term says its type; None removes one that is there."""
    if isinstance(value, Mapping) and 'type' in value:
        return
    names = [*known, *(MMENGINE_HOOKS if path == 'default_hooks' else ())]
    if value is None and name in names:
        return
    close = difflib.get_close_matches(name, names, n=1)
    hint = did_you_mean(close) or f', only {", ".join(map(repr, known)) or "nothing"}'
    raise UnknownName(f'{path} has no {name!r}{hint}; a new one says its type as well, {path}.{name}.type=...')


def did_you_mean(close: list[str]) -> str:
    """The first of the close names as a question in brackets, with a space before; nothing without one."""
    return f' (did you mean {close[0]!r}?)' if close else ''


def _sentence(name: str, owner: str, close: list[str], names: list[str]) -> str:
    listed = ', '.join(dict.fromkeys(names)) or 'no options'
    return f'{owner} has no {name!r}{did_you_mean(close) or f"; it takes {listed:.300}"}'


def with_source(node: Any) -> Any:
    """The model of a dictionary that names another config, ``dict(config=..., **changes)``; any other node as it is."""
    if not isinstance(node, Mapping) or not node.get('config') or 'type' in node:
        return node
    changes = {key: value for key, value in node.items()
               if key == 'config' or (isinstance(value, Mapping) and key not in PAIRING_OPTIONS)}
    return read_model_source(changes).model
