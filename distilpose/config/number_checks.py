"""Numbers of a config that are none: NaN, and infinite weights of losses, learning rates and schedules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from distilpose.errors import DistilPoseError, as_option

from .tree import ConfigTree
from .walk import Node, dictionaries

_READ = ('model', 'optim_wrapper', 'param_scheduler')
_FINITE_BELOW = ('model.terms', 'optim_wrapper', 'param_scheduler')
_FINITE = ('loss_weight', 'task_weight', 'loss_weights')
_MAY_BE_INFINITE = ('max_norm', 'norm_type', 'clip_value')
"""Of ``clip_grad``: no limit, and the largest value as a norm."""


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
