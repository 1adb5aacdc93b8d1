"""Checks of loops, loaders and learning rate schedules: entries that do not fit each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from distilpose.errors import DistilPoseError, as_option

from .tree import ConfigTree
from .walk import Node

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_OF_WORKERS: Mapping[str, Any] = dict(persistent_workers=False, prefetch_factor=None, timeout=0)
"""Options of a loader that torch accepts with workers only -> their values without."""
_LENGTHS = {True: ('max_epochs', 'epoch'), False: ('max_iters', 'iteration')}
"""``by_epoch`` of ``train_cfg`` -> the key of its length, and the unit."""


def adapt_to_workers(cfg: Config, *, options: Mapping[str, Any]) -> None:
    """Takes options that need workers out of loaders without any, in place: ``num_workers=0`` is enough for a debugger.

    Args:
        cfg: the config.
        options: those of the command line; what they name is not taken out.

    Raises:
        DistilPoseError: an option needs workers, and its loader has none.
    """
    for name in _LOADERS:
        loader = cfg.get(name)
        if not isinstance(loader, dict) or loader.get('num_workers', 0) != 0:
            continue
        for key, without in _OF_WORKERS.items():
            if not loader.get(key):
                continue
            if f'{name}.{key}' in options:
                raise DistilPoseError(f'--cfg-options {name}.{key}={loader[key]} needs processes that load data, and '
                                      f'{name}.num_workers is 0; leave it out, or set {name}.num_workers=1')
            loader[key] = without


def check_loops(config: Config | ConfigTree) -> None:
    """Compares the loops with their loaders and evaluators, and with the schedules that count on their length.

    Raises:
        DistilPoseError: something is missing or counts otherwise; names what to set.
    """
    tree = ConfigTree.of(config)
    for part in ('val', 'test'):
        names = [f'{part}_dataloader', f'{part}_cfg', f'{part}_evaluator']
        missing = [name for name in names if tree.cfg.get(name) is None]
        if 0 < len(missing) < len(names):
            there = [name for name in names if name not in missing]
            raise DistilPoseError(f'the config has {" and ".join(there)} but no {" and no ".join(missing)}; all three '
                                  f'are needed, or none: add {missing[0]}, or set {"=None and ".join(there)}=None')
        if part in tree.loaders and tree.cfg.get(f'{part}_evaluator') in ([], ()):
            raise DistilPoseError(f'{part}_evaluator is an empty list, so that nothing would be measured; expected '
                                  "metrics, such as dict(type='CocoMetric', ann_file=...)")
    loop = tree.cfg.get('train_cfg')
    if isinstance(loop, Mapping) and 'train' in tree.loaders:
        _check_length(loop)
        tree.warnings += _unusual_lengths(tree, loop)
    for path, schedule in _schedules(tree):
        begin, end = schedule.get('begin', 0), schedule.get('end')
        if isinstance(begin, int) and isinstance(end, int) and begin >= end:
            raise DistilPoseError(f'{path}.end is {end} and {path}.begin is {begin}; expected an end after the begin. '
                                  f'Change one of them in the config, or with --cfg-options {as_option(path)}.end=...')


def _check_length(loop: Mapping[str, Any]) -> None:
    """Whether the training's loop has a length, in the unit in which it counts."""
    if 'type' in loop and 'by_epoch' in loop:
        raise DistilPoseError(f'train_cfg has type={loop["type"]!r} and by_epoch={loop["by_epoch"]}; expected one of '
                              'them: take one out of the config')
    if 'type' in loop:
        return
    if 'by_epoch' not in loop:
        raise DistilPoseError('train_cfg has neither type nor by_epoch; expected by_epoch=True with max_epochs, or '
                              'by_epoch=False with max_iters')
    key, unit = _LENGTHS[bool(loop['by_epoch'])]
    other, _ = _LENGTHS[not loop['by_epoch']]
    advice = (f'set train_cfg.by_epoch={not loop["by_epoch"]} for the other, or write train_cfg = dict(_delete_=True, '
              f'by_epoch={loop["by_epoch"]}, {key}=...) in a config')
    if other in loop:
        raise DistilPoseError(f'train_cfg counts {unit}s (by_epoch={loop["by_epoch"]}) and has {other}; expected {key} '
                              f'only: {advice}')
    if key not in loop:
        raise DistilPoseError(f'train_cfg counts {unit}s (by_epoch={loop["by_epoch"]}) and has no {key}; {advice}')


def _unusual_lengths(tree: ConfigTree, loop: Mapping[str, Any]) -> Iterator[str]:
    """What happens never, because the training is shorter or counts otherwise."""
    by_epoch = loop.get('by_epoch', 'Iter' not in str(loop.get('type')))
    key, unit = _LENGTHS[bool(by_epoch)]
    length = loop.get(key)
    if not isinstance(length, int):
        return
    if tree.cfg.get('val_cfg') is not None and loop.get('val_begin', 1) > length:
        yield (f'train_cfg.val_begin is {loop["val_begin"]} and the training ends with {unit} {length}: it is never '
               'validated')
    for path, schedule in _schedules(tree):
        counts_epochs = schedule.get('by_epoch', True)
        if counts_epochs and not by_epoch:
            yield (f'{path} counts epochs, and train_cfg iterations: it changes nothing; set '
                   f'{as_option(path)}.by_epoch=False')
        elif bool(counts_epochs) == bool(by_epoch):
            late = [place for place in _milestones(schedule) if place >= length]
            if late:
                yield (f'{path} changes the rate at {unit} {", ".join(map(str, late))}, and the training ends after '
                       f'{length}')
        milestones = _milestones(schedule)
        if milestones != sorted(milestones):
            yield f'{path}.milestones is {milestones}, which is not ascending'
    checkpoint = (tree.cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if not by_epoch and checkpoint and checkpoint.get('by_epoch', True):
        yield ('default_hooks.checkpoint counts epochs, and train_cfg iterations: it saves at the end only; set '
               'default_hooks.checkpoint.by_epoch=False')


def _milestones(schedule: Mapping[str, Any]) -> list[int]:
    """Those of a schedule; none where a class of one's own has something else under this name."""
    found = schedule.get('milestones', ())
    is_list = isinstance(found, (list, tuple)) and all(isinstance(place, int) for place in found)
    return list(found) if is_list else []


def _schedules(tree: ConfigTree) -> Iterator[Node]:
    return (node for node in tree.below('param_scheduler') if 'type' in node[1])


def check_loaders(config: Config | ConfigTree) -> None:
    """Looks for loaders that would leave out people of an evaluation, or that torch refuses.

    Raises:
        DistilPoseError: names the loader and the option.
    """
    tree = ConfigTree.of(config)
    for name in _LOADERS:
        loader = tree.cfg.get(name)
        if not isinstance(loader, Mapping):
            continue
        if loader.get('shuffle'):
            raise DistilPoseError(f'{name}.shuffle does not go together with a sampler; set '
                                  f'{name}.sampler.shuffle=True instead of {name}.shuffle')
        if name == 'train_dataloader':
            continue
        if loader.get('drop_last'):
            raise DistilPoseError(f'{name}.drop_last is True, which would leave people out of the evaluation; set '
                                  f'{name}.drop_last=False')
        if (loader.get('sampler') or {}).get('shuffle'):
            tree.warnings.append(f'{name}.sampler.shuffle is True: an evaluation needs no order, and with several '
                                 'processes it counts some people twice and others never; expected False')
