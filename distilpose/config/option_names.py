"""Names in a config: whether something reads a key, by the arguments of classes and the keys of plain dictionaries."""

from __future__ import annotations

import difflib
import fnmatch
import functools
import inspect
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.hooks import CheckpointHook, EMAHook
from mmengine.model.wrappers import MMDistributedDataParallel
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, LogProcessor, Runner, TestLoop, ValLoop
from mmengine.runner.utils import set_random_seed
from mmengine.utils.dl_utils import set_multi_processing
from torch import nn
from torch.utils.data import DataLoader

from distilpose.errors import DistilPoseError, as_option

from .class_arguments import arguments, is_of_host, kinds_of, parameters, registered, registered_names
from .forms import check_forms
from .models import PAIRING_OPTIONS, SUPERVISION_OPTIONS, read_model_source
from .tree import ConfigTree
from .walk import Node, dictionaries

_CHECKED = (
    'model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'val_cfg', 'test_cfg',
    'auto_scale_lr', 'optim_wrapper', 'param_scheduler', 'val_evaluator', 'test_evaluator', 'default_hooks',
    'custom_hooks', 'env_cfg', 'log_processor', 'visualizer', 'randomness', 'model_wrapper_cfg', 'compile')
"""Entries that the Runner reads and whose names are checked."""
_OF_MMENGINE = frozenset({'type', '_delete_', '_scope_'})
_TEST_CFG = frozenset({
    'align_corners', 'average', 'blur_kernel_size', 'flip_in_one_batch', 'flip_mode', 'flip_test', 'input_size',
    'max_instances', 'max_num_people', 'multiscale_test', 'nms_dist_thr', 'nms_joints_thr', 'nms_thr',
    'output_heatmaps', 'output_keypoint_indices', 'permute_scores', 'restore_heatmap_size', 'score', 'score_thr',
    'score_threshold', 'shift', 'shift_coords', 'shift_heatmap'})
_PARAMWISE = frozenset({
    'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult', 'dwconv_decay_mult',
    'dcn_offset_lr_mult', 'bypass_duplicate', 'num_layers', 'layer_decay_rate'})
_OF_KEYPOINTS = re.compile(r'\.metainfo\.(keypoint|skeleton)_info\b')
_OF_FUNCTIONS = re.compile(r'.*\.(schedule|clip_grad|on_trace_ready)')
"""Dictionaries whose ``type`` is a word for the function that reads it."""
_TABLE = re.compile(r'default_hooks|model\.terms|model\.teachers(\.[^.]+\.terms)?')
"""Dictionaries whose keys are names that a config chooses."""
_OWN_TERMS = re.compile(r'model\.teachers\.[^.]+\.terms\b')
_INIT_CFG = re.compile(r'.*\binit_cfg(\.\d+)?(\.override(\.\d+)?)?')
_CONSTRUCTORS = ('DefaultOptimWrapperConstructor', 'LayerDecayOptimWrapperConstructor')
"""Those whose options in ``paramwise_cfg`` are known."""
MMENGINE_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
"""Keys of ``default_hooks`` that mmengine's Runner fills, and accepts with ``None``."""


class UnknownName(DistilPoseError):
    """Nothing reads an option."""

    is_certain = False
    """Whether the class refuses it, also where it is added without a check."""


@functools.cache
def _keys_of_plain_dicts() -> dict[str, frozenset[str]]:
    """Pattern of a path -> keys of a dictionary without ``type`` there, as the Runner and mmpose read them."""
    wrappers = (OptimWrapper, AmpOptimWrapper, *registered('AutocastOptimWrapper'))
    loops = dict(without=('runner', 'dataloader'))
    return {
        'env_cfg': frozenset({'cudnn_benchmark', 'matmul_precision', 'mp_cfg', 'dist_cfg', 'resource_limit'}),
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


@functools.cache
def _keys_of_open_dicts() -> dict[str, frozenset[str]]:
    """As :func:`_keys_of_plain_dicts`, where a class of one's own may read others: a near miss is a warning."""
    return {
        'optim_wrapper.paramwise_cfg.custom_keys.*': parameters(
            torch.optim.AdamW, torch.optim.SGD, without=('params', )) | {'lr_mult', 'decay_mult'},
        '*.data_prefix': frozenset({'img', 'img_path'}),
        '*.metainfo': frozenset({
            'from_file', 'dataset_name', 'paper_info', 'keypoint_info', 'skeleton_info', 'joint_weights', 'sigmas',
            'classes'}),
        '*.backend_args': frozenset({'backend', 'path_mapping', 'enable_mc', 'server_list_cfg', 'client_cfg'}),
        'model.*backbone.extra': frozenset({
            'stage1', 'stage2', 'stage3', 'stage4', 'upsample', 'stem', 'stages_spec', 'num_stages', 'with_head',
            'drop_path_rate', 'with_rpe', 'multiscale_output'}),
        'model.*backbone.extra.stage?': frozenset({
            'num_modules', 'num_branches', 'block', 'num_blocks', 'num_channels', 'multiscale_output', 'num_heads',
            'window_sizes', 'mlp_ratios', 'num_mlp_ratios'}),
    }


def check_name(path: str, node: Mapping[str, Any], name: str, *, known: Collection[str]) -> None:
    """Checks a key that an option adds to a dictionary of the config.

    Args:
        path: where the dictionary is, with dots, ``model.head``; lists have a number.
        node: the dictionary after all options.
        name: the key that it did not have.
        known: keys that it had.

    Raises:
        UnknownName: nothing reads it; the sentence has what was expected, or a close name.
    """
    if name in _OF_MMENGINE:
        return
    if _TABLE.fullmatch(path):
        _check_entry(path, node.get(name), name, known=known)
        return
    names, is_open, owner = _readers(path, node)
    if name in names:
        return
    is_open = is_open and not (names and 'type' not in node)
    close = difflib.get_close_matches(name, [*known, *names], n=1, cutoff=0.7 if is_open else 0.6)
    if close or not is_open:
        unknown = UnknownName(_sentence(name, owner, close, names))
        unknown.is_certain = not is_open
        raise unknown


def _readers(path: str, node: Mapping[str, Any]) -> tuple[list[str], bool, str]:
    """Names that are read in a dictionary, whether others may be, and what reads them."""
    if isinstance(node.get('type'), (str, type)):
        return _arguments(path, node)
    for pattern, names in _keys_of_plain_dicts().items():
        if fnmatch.fnmatchcase(path, pattern):
            return sorted(names), False, path
    for pattern, names in _keys_of_open_dicts().items():
        if fnmatch.fnmatchcase(path, pattern):
            return sorted(names), True, path
    return [], True, path


def _arguments(path: str, node: Mapping[str, Any]) -> tuple[list[str], bool, str]:
    """Arguments of the classes and functions of a ``type``; of every kind, since a name may be registered twice."""
    kinds = kinds_of(node)
    if not kinds:
        return [], True, str(node['type'])  # building it raises that there is none
    found = [_names_of(kind, node) for kind in kinds]
    names = [name for entry, _ in found for name in entry]
    first = path.partition('.')[0]
    names += ['priority'] if first in ('default_hooks', 'custom_hooks') else []
    names += ['convert_to_iter_based'] if first == 'param_scheduler' else []
    names += ['requires_grad'] if path.endswith('norm_cfg') else []
    names += ['override', 'name'] if _INIT_CFG.fullmatch(path) else []
    names += ['by_epoch'] if path == 'train_cfg' else []  # not both, which check_loops refuses
    if path == 'optim_wrapper':
        names += _keys_of_plain_dicts()[path]
    return names, any(is_open for _, is_open in found), str(node['type'])


def _names_of(kind: Any, node: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Arguments of a class or function, and whether there may be others."""
    found, is_open = arguments(kind)
    names = list(found)
    if is_open and inspect.isclass(kind) and issubclass(kind, CheckpointHook):
        return names, False  # it would pass them on to a function that fails at the first checkpoint
    if is_open and inspect.isclass(kind) and issubclass(kind, EMAHook):
        averages = registered(str(node.get('ema_type', 'ExponentialMovingAverage')))
        return [*names, *(name for average in averages for name in arguments(average)[0])], False
    return names, is_open


def check_names(config: Config | ConfigTree) -> None:
    """Looks for entries of another form, types that nothing is registered for, and keys that nothing reads.

    Names at the top are variables of the config. Options of albumentations' transforms are its own affair.

    Raises:
        DistilPoseError: names the entry, what was probably meant, or what the class takes.
    """
    tree = ConfigTree.of(config)
    check_forms(tree.cfg)
    if 'runner_type' in tree.cfg:
        return  # a Runner of one's own reads what it likes
    nodes = list(checked_nodes(tree))
    of_others = _of_other_packages(tree, nodes)
    for path, node in nodes:
        if not _TABLE.fullmatch(path):
            tree.warnings += _check_node(path, node, may_be_other=path in of_others)


def _of_other_packages(tree: ConfigTree, nodes: Sequence[Node]) -> set[str]:
    """The paths of dictionaries that are read by a class of another package, which may take what it likes."""
    found = set()
    owners = {path: kinds_of(node) for path, node in nodes if 'type' in node}
    for path, _ in nodes:
        above = [part for part in _parents(path) if part in owners]
        if above and owners[above[0]]:
            name = re.split(r'[.\[]', path[len(above[0]) + 1:])[0]
            if above[0] in found or not any(is_of_host(kind, name) for kind in owners[above[0]]):
                found.add(path)
    constructor = (tree.cfg.get('optim_wrapper') or {}).get('constructor', _CONSTRUCTORS[0])
    if constructor not in _CONSTRUCTORS:
        found |= {path for path, _ in nodes if path.startswith('optim_wrapper.paramwise_cfg')} | {'optim_wrapper'}
    return found


def _parents(path: str) -> Iterator[str]:
    """The paths above one, the nearest first."""
    for end in range(len(path) - 1, 0, -1):
        if path[end] in '.[':
            yield path[:end]


def checked_nodes(tree: ConfigTree) -> Iterator[Node]:
    """The dictionaries that the Runner reads, and the student's; without options of albumentations' transforms."""
    elsewhere = tuple(f'{path}.transforms' for path, _ in tree.of_type('Albumentation', *_CHECKED))
    if tree.is_distillation:
        elsewhere += ('model.student', 'model.teacher')
        yield from dictionaries(tree.student, 'model.student')
    yield from (entry for entry in tree.below(*_CHECKED)
                if not entry[0].startswith(elsewhere) or _OWN_TERMS.match(entry[0]))


def _check_node(path: str, node: Mapping[str, Any], *, may_be_other: bool) -> Iterator[str]:
    """Warnings of names in a dictionary that something may read."""
    if _OF_KEYPOINTS.search(path):
        return  # whose type is 'upper' or 'lower'
    kind = node.get('type')
    if isinstance(kind, str) and not _OF_FUNCTIONS.fullmatch(path) and not registered(kind):
        if not may_be_other:
            raise DistilPoseError(f'{path}.type is {kind!r}: {_missing(kind)}')
        return
    names, is_open, owner = _readers(as_option(path), node)
    is_open = is_open or may_be_other
    for name in node:
        if name in names or name in _OF_MMENGINE or not names:
            continue
        close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.75 if is_open else 0.6)
        if not is_open:
            raise DistilPoseError(f'{path} has a key {name!r} that nothing reads: '
                                  f'{_sentence(str(name), owner, close, names)}. Change or remove it in the config')
        if close:
            yield f'{path} has a key {name!r} that nothing of mmpose reads{did_you_mean(close)}'


def _missing(kind: str) -> str:
    """Why there is no class of a name, and what to do."""
    package, dot, _ = kind.partition('.')
    if dot and find_spec(package) is None:
        return (f'it is defined in the package {package}, which is not installed; install it, or name a type of mmpose '
                'or of your own in its place')
    close = difflib.get_close_matches(kind, registered_names(), n=1)
    return (f'nothing is registered under this name{did_you_mean(close)}; check its spelling in the config, and that '
            'custom_imports names the package that defines it')


def _check_entry(path: str, value: Any, name: str, *, known: Collection[str]) -> None:
    """A new hook, term or teacher has its type, a teacher its config; None removes one that is there."""
    if isinstance(value, Mapping) and ('type' in value or (path == 'model.teachers' and 'config' in value)):
        return
    names = [*known, *(MMENGINE_HOOKS if path == 'default_hooks' else ())]
    if value is None and name in names:
        return
    close = difflib.get_close_matches(name, names, n=1)
    hint = did_you_mean(close) or f', only {", ".join(map(repr, known)) or "nothing"}'
    raise UnknownName(f'{path} has no {name!r}{hint}; a new one needs its type as well, {path}.{name}.type=...'
                      + (f', or {path}.{name}.config=...' if path == 'model.teachers' else ''))


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
    of_the_pair = (*PAIRING_OPTIONS, *SUPERVISION_OPTIONS)
    changes = {key: value for key, value in node.items()
               if key == 'config' or (isinstance(value, Mapping) and key not in of_the_pair)}
    return read_model_source(changes).model
