"""Values of a config: types of arguments by their annotations, and ranges by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from distilpose.errors import DistilPoseError

from .class_arguments import arguments as arguments_of
from .class_arguments import kinds_of, misfit
from .forms import check_forms, unexpected
from .option_names import checked_nodes
from .tree import ConfigTree
from .value_ranges import out_of_range
from .walk import as_option

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def check_values(config: Config | ConfigTree) -> None:
    """Compares values with the annotations of the classes that take them, and with what their key can mean.

    Raises:
        DistilPoseError: names the entry, what was found and what is expected.
    """
    tree = ConfigTree.of(config)
    check_forms(tree.cfg)
    if 'runner_type' in tree.cfg:
        return
    _require_parts(tree.cfg)
    for path, node in (('', tree.cfg._cfg_dict), *checked_nodes(tree)):
        kinds = kinds_of(node)
        option = as_option(path)
        for key, value in node.items():
            expected = out_of_range(option, str(key), value)
            if expected and any(_is_default(kind, key, value) for kind in kinds):
                continue
            expected = expected or _other_type(kinds, key, value)
            if expected:
                raise unexpected(f'{path}.{key}' if path else key, value, expected)


def _require_parts(cfg: Config) -> None:
    """The parts of a loader that mmengine's Runner takes without a default."""
    for name in _LOADERS:
        loader = cfg.get(name)
        if isinstance(loader, Mapping):
            lacks = [key for key in ('dataset', 'sampler') if key not in loader and not (
                key == 'sampler' and 'batch_sampler' in loader)]
            if lacks:
                raise DistilPoseError(f'{name} has no {lacks[0]}; expected one, such as '
                                      + ("sampler=dict(type='DefaultSampler', shuffle=True)" if lacks == ['sampler']
                                         else "dataset=dict(type='CocoDataset', ...)"))


def _is_default(kind: Any, key: str, value: Any) -> bool:
    argument = arguments_of(kind)[0].get(key)
    return argument is not None and type(argument.default) is type(value) and argument.default == value


def _other_type(kinds: Sequence[Any], key: str, value: Any) -> str | None:
    """What a key takes by the annotations of all classes that a name may stand for."""
    found = [misfit(value, arguments_of(kind)[0][key]) for kind in kinds if key in arguments_of(kind)[0]]
    return found[0] if found and all(found) else None
