"""Options of the command line that change a config: ``--cfg-options`` and ``--data-root``."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmpose.registry import HOOKS

from distilpose.errors import DistilPoseError, as_option

from .class_arguments import Argument, arguments, kinds_of, takes_text
from .forms import check_forms
from .keypoints import ENTRY, set_own_keypoints
from .models import PAIRING_OPTIONS, SUPERVISION_OPTIONS
from .option_names import UnknownName, check_name, did_you_mean, with_source
from .reading import load_config
from .value_ranges import out_of_range
from .walk import change_strings, dictionaries

_A_TEACHER = re.compile(r'model\.teacher|model\.teachers\.[^.]+')
_PATH_OPTIONS = ('checkpoint', 'load_from', 'config', 'file')
_READ_BY_RUNNER = frozenset({
    'model', 'work_dir', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'val_cfg', 'test_cfg',
    'auto_scale_lr', 'optim_wrapper', 'param_scheduler', 'val_evaluator', 'test_evaluator', 'default_hooks',
    'custom_hooks', 'data_preprocessor', 'load_from', 'resume', 'env_cfg', 'log_processor', 'log_level', 'visualizer',
    'default_scope', 'randomness', 'experiment_name', 'compile', 'model_wrapper_cfg', 'find_unused_parameters',
    'sync_bn', 'activation_checkpointing', 'efficient_conv_bn_eval', 'runner_type', 'data_root', 'launcher',
})
_SOURCES = ('train_pipeline', 'val_pipeline', 'test_pipeline', 'codec')
_OF_MMPOSE_0 = dict(
    data='train_dataloader, val_dataloader and test_dataloader', optimizer='optim_wrapper.optimizer',
    optimizer_config='optim_wrapper', lr_config='param_scheduler', total_epochs='train_cfg.max_epochs',
    evaluation='train_cfg.val_interval and val_evaluator', checkpoint_config='default_hooks.checkpoint',
    log_config='default_hooks.logger and visualizer', resume_from='load_from and resume=True', seed='randomness.seed',
    fp16='optim_wrapper, or use --amp')


def parse_value(text: str) -> Any:
    """Reads the value of ``--cfg-options KEY=VALUE`` as mmengine's ``DictAction``, but keeps spaces in plain values.

    Values look like Python's: numbers, ``True``, ``None``, ``a,b`` or ``[a,b]`` for lists, ``(a,b)`` for tuples.

    Raises:
        DistilPoseError: brackets are unbalanced, or there is more than lists of plain values in them.
    """
    if ',' not in text and text[:1] not in ('(', '['):
        return DictAction._parse_int_float_bool(text)
    try:
        return DictAction._parse_iterable(text)
    except AssertionError as error:
        raise DistilPoseError(f'the value {text!r} of --cfg-options has unbalanced brackets') from error
    except RecursionError as error:  # in mmengine's parser
        raise DistilPoseError(f'the value {text!r} of --cfg-options is no list of plain values; expected such as '
                              '[1,2] or [a,(b,c)]. Write dictionaries into a config file that inherits') from error


def merge_options(cfg: Config, options: Mapping[str, Any], *,
                  hooks: Mapping[str, Mapping[str, Any]] | None = None) -> list[str]:
    """Puts the values of ``--cfg-options`` into the config, in place.

    An option changes what is in the config, or adds what something reads: an argument of the class that ``type`` names
    at that place, or a key that the Runner reads. ``+KEY=VALUE`` adds a key that nothing is known to read. A file that
    an option names is looked for from the current directory first.

    Args:
        cfg: the config.
        options: dotted key -> value.
        hooks: those that a training adds to ``default_hooks`` where the config does not name them; options may.

    Returns:
        Notes for the log: the keys that were added without a check.

    Raises:
        DistilPoseError: an option does not fit the config, changes what nothing reads any more, or is called by a name
            that nothing reads.
    """
    values = {key.removeprefix('+'): _from_here(key.removeprefix('+'), copy.deepcopy(value))  # _delete_ is popped
              for key, value in options.items()}
    before = copy.deepcopy(cfg)
    for key, value in values.items():
        try:
            cfg.merge_from_dict({key: value})
        except AttributeError as error:  # of a list's entry
            raise DistilPoseError(f'--cfg-options {key}={value} takes the place of a dictionary; expected a key in it, '
                                  f'{key}.NAME=...') from error
        except (TypeError, KeyError) as error:
            reason = error.args[0] if error.args else error
            raise DistilPoseError(f'--cfg-options {key}={value} does not fit the config: {reason}') from error
    check_forms(cfg)
    if ENTRY in before and any(key.split('.')[0] == ENTRY for key in options):
        set_own_keypoints(cfg, load_config)
    added = [key for key in options if key.startswith('+')]
    for key in options:
        if key not in added:
            _check_option(before, cfg, key, hooks=hooks or {})
    return [f'--cfg-options {key} adds a key without a check whether anything reads it' for key in added]


def _from_here(key: str, value: Any) -> Any:
    if key.rpartition('.')[2] not in _PATH_OPTIONS or not isinstance(value, str):
        return value
    here = Path(value).expanduser().absolute()
    return str(here) if here.is_file() else value


def _check_option(before: Config, after: Config, key: str, *, hooks: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuses an option that nothing reads."""
    first, *rest = key.split('.')
    if first == ENTRY and ENTRY in before:
        return  # which refuses unknown keys
    if first not in _READ_BY_RUNNER and 'runner_type' not in after:
        if first not in before:
            close = difflib.get_close_matches(first, [*before, *_READ_BY_RUNNER], n=1)
            raise _refused(key, f'nothing reads {first!r}{did_you_mean(close)}')
        places = [path for path in _places_of(before, first) if path.partition('.')[0] in _READ_BY_RUNNER]
        advice = ('. Name the place where it is used: ' + ', '.join('.'.join([place, *rest]) for place in places[:3])
                  if places else '. Name the place where it is used, such as train_dataloader.dataset.pipeline.0')
        raise DistilPoseError(f'--cfg-options {key} has no effect: {first} only helped to write the config, and what '
                              f'was made of it keeps its value{advice}')
    old, new = _with_hooks(before._cfg_dict, hooks), _with_hooks(after._cfg_dict, hooks)
    parts = key.split('.')
    part, kinds = parts[0], tuple[Any, ...]()
    for place, part in enumerate(parts):
        path = '.'.join(parts[:place])
        options = _options_of(path)
        if part in options and part != 'terms':
            return  # checked when the model is built
        if (options or path == 'model.student') and part != 'terms' and 'type' not in new:
            if part in new and not isinstance(new[part], Mapping):
                return  # its options, such as the teacher's dtype, are checked when the model is built
            old, new = with_source(old), with_source(new)
        if path and isinstance(new, Mapping) and not _has(old, part) and part not in options:
            try:
                check_name(path, new, part, known=[*(old if isinstance(old, Mapping) else ()), *options])
            except UnknownName as error:
                raise _refused(key, str(error), may_be_added=not error.is_certain) from error
        kinds = kinds_of(new) if isinstance(new, Mapping) else ()
        old, new = _child(old, part), _child(new, part)
    _check_kind(key, old, new, [arguments(kind)[0][part] for kind in kinds if part in arguments(kind)[0]])


def _options_of(path: str) -> tuple[str, ...]:
    """The options at a teacher's entry that are not of the teacher itself; empty elsewhere."""
    if not _A_TEACHER.fullmatch(path):
        return ()
    return PAIRING_OPTIONS if path == 'model.teacher' else (*PAIRING_OPTIONS, *SUPERVISION_OPTIONS)


def _check_kind(key: str, old: Any, new: Any, taken_by: Sequence[Argument]) -> None:
    """Refuses text for a number of the config, and anything else for a dictionary, where no annotation allows it."""
    if out_of_range(*_split(key), new) is not None:
        return  # check_values names what is expected
    is_number = isinstance(old, (int, float)) and not isinstance(old, bool)
    are_numbers = isinstance(old, (list, tuple)) and bool(old) and all(isinstance(part, (int, float)) for part in old)
    if isinstance(new, str) and (is_number or are_numbers) and not any(map(takes_text, taken_by)):
        raise DistilPoseError(f'--cfg-options {key}={new} is text; expected {"a number" if is_number else "numbers"}, '
                              f'as in the config ({old!r:.60})')
    if isinstance(old, Mapping) and old and isinstance(new, (str, int, float)) and not isinstance(new, bool):
        raise DistilPoseError(f'--cfg-options {key}={new} takes the place of a dictionary; expected a key in it, '
                              f'{key}.{next(iter(old))}=..., or None')


def _with_hooks(cfg: Mapping[str, Any], hooks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The config with the hooks that a training adds, also those that take the place of their base class."""
    named = cfg.get('default_hooks') or {}
    added = {name: _more_special(named[name], hook) if name in named else hook for name, hook in hooks.items()}
    return {**cfg, 'default_hooks': {**named, **added}} if hooks else dict(cfg)


def _more_special(named: Mapping[str, Any] | None, hook: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A hook of the config, with the type of the training's hook where that inherits from it or there is none."""
    if named is None:
        return None
    if 'type' not in named:
        return {**hook, **named}
    own, other = (HOOKS.get(entry['type']) if isinstance(entry['type'], str) else entry['type']
                  for entry in (named, hook))
    return {**named, 'type': hook['type']} if own and other and issubclass(other, own) else named


def _split(key: str) -> tuple[str, str]:
    path, _, name = key.rpartition('.')
    return path, name


def misspelt_entries(cfg: Config) -> list[str]:
    """Warnings of variables of a config that the run does not read, and that look as if it should.

    Their name is nearly that of an entry, or one of mmpose 0.x; or they are a pipeline or codec that a config changed
    after its base had made its loaders of it.
    """
    found = []
    for name in cfg:
        if name in _READ_BY_RUNNER:
            continue
        close = difflib.get_close_matches(name, _READ_BY_RUNNER, n=1, cutoff=0.88)
        if close:
            found.append(f'the config has a variable {name!r}, which the run does not read{did_you_mean(close)}')
        elif name in _OF_MMPOSE_0 and not _is_used(cfg, name):
            found.append(f'the config has {name!r}, which mmpose 0.x read and 1.x does not; set {_OF_MMPOSE_0[name]}')
        elif name in _SOURCES and cfg[name] and not _is_used(cfg, name):
            found.append(f'the config has a variable {name!r} whose value nothing uses: its loaders and its model, '
                         'perhaps of a base config, have another one; set those, too')
    return found


def _is_used(cfg: Config, name: str) -> bool:
    """Whether an entry that the Runner reads has the value of a variable."""
    value = _without_scope(cfg._cfg_dict[name])
    if isinstance(value, Mapping):  # a config that gives it to an entry of its base has more keys there
        return any(path.partition('.')[0] in _READ_BY_RUNNER and all(
            key in node and _without_scope(node[key]) == entry for key, entry in value.items())
                   for path, node in dictionaries(cfg._cfg_dict, ''))
    return any(path.partition('.')[0] in _READ_BY_RUNNER for path in _places_of(cfg, name))


def _refused(key: str, reason: str, *, may_be_added: bool = True) -> DistilPoseError:
    advice = f'. To add it nevertheless, write +{key}=...' if may_be_added else ''
    return DistilPoseError(f'--cfg-options {key} would have no effect: {reason}{advice}')


def _has(node: Any, part: str) -> bool:
    if isinstance(node, (list, tuple)):
        return part.isdigit() and int(part) < len(node)
    return isinstance(node, Mapping) and part in node


def _child(node: Any, part: str) -> Any:
    if not _has(node, part):
        return None
    return node[int(part)] if isinstance(node, (list, tuple)) else node[part]


def _places_of(cfg: Config, first: str) -> list[str]:
    """Where the config has an equal value as well."""
    value = _without_scope(cfg._cfg_dict[first])
    places: list[str] = []
    for path, node in dictionaries(cfg._cfg_dict, ''):
        names = [f'{path}.{name}' if path else name for name, found in node.items()
                 if type(found) is type(value) and _without_scope(found) == value]
        places += map(as_option, names)
    return places


def _without_scope(node: Any) -> Any:
    """A part of a config without the scopes that mmengine writes into what another package's config defines."""
    if isinstance(node, dict):
        return type(node)({key: _without_scope(value) for key, value in node.items() if key != '_scope_'})
    return type(node)(map(_without_scope, node)) if isinstance(node, (list, tuple)) else node


def set_data_root(cfg: Config, folder: str | Path) -> None:
    """Moves every path below the config's ``data_root`` to another folder, in place.

    Args:
        cfg: has a top-level ``data_root``; every string in it that begins with that folder is changed.
        folder: the new folder, from the current directory.

    Raises:
        DistilPoseError: when the config has no ``data_root``.
    """
    if not isinstance(folder, (str, Path)):
        raise DistilPoseError(f'data_root={folder!r} is no folder; expected its path, such as data_root=data/coco')
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
