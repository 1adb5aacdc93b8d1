"""Values of a config: types of arguments by their annotations, ranges by key, and numbers that are NaN or infinite."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from distilpose.errors import DistilPoseError, as_option

from .class_arguments import arguments as arguments_of
from .class_arguments import is_documented, is_of_host, kinds_of, misfit
from .forms import unexpected
from .option_names import checked_nodes
from .tree import ConfigTree
from .value_ranges import out_of_range
from .walk import Node, dictionaries

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_PARTS = dict(dataset="dict(type='CocoDataset', ...)", sampler="dict(type='DefaultSampler', shuffle=True)")
_TYPED = re.compile(r'model|model\.(backbone|neck|head|head\.loss|head\.decoder)|\w+_dataloader\.(dataset|sampler|'
                    r'batch_sampler|collate_fn)|\w+_dataloader\..*(pipeline|datasets|transforms)\[\d+\]|'
                    r'optim_wrapper\.optimizer|param_scheduler(\[\d+\])?|\w+_evaluator(\[\d+\])?|'
                    r'default_hooks\.\w+|custom_hooks\[\d+\]|visualizer')
"""Dictionaries of which a class is built."""
_READ = ('model', 'optim_wrapper', 'param_scheduler')
_FINITE_BELOW = ('model.terms', 'optim_wrapper', 'param_scheduler')
_FINITE = ('loss_weight', 'task_weight', 'loss_weights')
_MAY_BE_INFINITE = ('max_norm', 'norm_type', 'clip_value')
"""Of ``clip_grad``: no limit, and the largest value as a norm."""


def check_values(config: Config | ConfigTree) -> None:
    """Compares values with the annotations of the classes that take them, and with what their key can mean.

    Raises:
        DistilPoseError: names the entry, what was found and what is expected.
    """
    tree = ConfigTree.of(config)
    if 'runner_type' in tree.cfg:
        return
    _require_parts(tree)
    for path, node in (('', tree.cfg._cfg_dict), *checked_nodes(tree)):
        kinds = kinds_of(node)
        option = as_option(path)
        for key, value in node.items():
            expected = out_of_range(option, str(key), value) if _has_usual_meaning(path, kinds, key) else None
            if expected and any(_is_default(kind, key, value) for kind in kinds):
                continue
            expected = expected or _other_type(kinds, key, value) or _other_variant(kinds, key, value)
            if expected:
                raise unexpected(f'{path}.{key}' if path else key, value, expected)


def _require_parts(tree: ConfigTree) -> None:
    """What mmengine's Runner and registries take without a default."""
    for name in _LOADERS:
        loader = tree.cfg.get(name)
        for key, example in _PARTS.items() if isinstance(loader, Mapping) else ():
            if key not in loader and not (key == 'sampler' and 'batch_sampler' in loader):
                raise DistilPoseError(f'{name} has no {key}; expected one, such as {key}={example}')
    for path, node in tree.nodes:
        if 'type' not in node and _TYPED.fullmatch(path) and not _is_of_several_optimizers(path, node):
            raise DistilPoseError(f'{path} has no type; expected the name of a class beside '
                                  f'{", ".join(map(str, node)) or "nothing"}: add type=... in the config, or with '
                                  f'--cfg-options {as_option(path)}.type=...')


def _is_of_several_optimizers(path: str, node: Mapping[str, Any]) -> bool:
    """Whether schedules are those of optimizers by name, as mmengine's ``OptimWrapperDict`` takes them."""
    return path == 'param_scheduler' and bool(node) and all(
        isinstance(entry, (dict, list, tuple)) for entry in node.values())


def _has_usual_meaning(path: str, kinds: Sequence[Any], key: str) -> bool:
    """Whether a key means what it does in mmpose; ``p`` or ``thr`` of another class may be anything."""
    return not kinds or path == 'optim_wrapper.optimizer' or any(is_of_host(kind, key) for kind in kinds)


def _is_default(kind: Any, key: str, value: Any) -> bool:
    argument = arguments_of(kind)[0].get(key)
    return argument is not None and type(argument.default) is type(value) and argument.default == value


def _other_type(kinds: Sequence[Any], key: str, value: Any) -> str | None:
    """What a key takes by the annotations of all classes that a name may stand for."""
    takers = [kind for kind in kinds if key in arguments_of(kind)[0]]
    found = [misfit(value, arguments_of(kind)[0][key]) for kind in takers]
    is_certain = bool(found) and all(found) and not any(is_documented(kind, key, value) for kind in takers)
    return found[0] if is_certain else None


def _other_variant(kinds: Sequence[Any], key: str, value: Any) -> str | None:
    """The depths or names of architectures that a network has, where a value is none of them."""
    variants = getattr(kinds[0], 'arch_settings', None) if len(kinds) == 1 and key in ('depth', 'arch') else None
    if not isinstance(variants, Mapping) or not isinstance(value, (str, int)) or value in variants:
        return None
    return f'one of {", ".join(map(repr, variants))}'


def check_numbers(config: Config | ConfigTree) -> None:
    """Looks for numbers that would make a loss, a gradient or a learning rate NaN or infinite.

    In the model, the optimizer and the learning rates NaN is refused everywhere, infinity where it would be a factor of
    a loss or a setting of the optimizer.

    Raises:
        DistilPoseError: names the entry.
    """
    tree = ConfigTree.of(config)
    scaled = {path for path, _ in tree.below(*_FINITE_BELOW)}
    for path, node in (*tree.below(*_READ), *_student_nodes(tree)):
        for key, value in _numbers(node):
            must_be_finite = (path in scaled and key not in _MAY_BE_INFINITE) or key in _FINITE
            if math.isnan(value) or (must_be_finite and math.isinf(value)):
                where = f'{path}.{key}'
                raise DistilPoseError(f'{where} is {value}; expected a finite number. Change it in the config, or with '
                                      f'--cfg-options {as_option(where)}=NUMBER')


def _student_nodes(tree: ConfigTree) -> list[Node]:
    """Those of a student that another config defines."""
    student = tree.model.get('student') if tree.is_distillation else None
    return list(dictionaries(tree.student, 'model.student')) if isinstance(student, Mapping) and 'config' in student \
        else []


def _numbers(node: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in node.items():
        values = value if isinstance(value, (list, tuple)) else (value, )
        for number in values:
            if isinstance(number, float):
                yield str(key), number
