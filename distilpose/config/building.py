"""Errors of a registry that builds a part of a config, as sentences: the part, its class, what to change."""

from __future__ import annotations

import difflib
import inspect
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import Any
from urllib.error import URLError

from mmengine.config import Config
from mmengine.registry import Registry, build_functions
from mmengine.runner import Runner

from distilpose.errors import BuildFailed, DistilPoseError, RunFailed, note

from .walk import Node, dictionaries, type_name

_MISSING = re.compile(r'missing \d+ required (?:positional|keyword-only) arguments?: (.+)$')
_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")
_UNKNOWN_TYPE = re.compile(r'(\S+) is not in the (.+?) registry\. ')
_ENTRIES = {
    'build_logger': 'log_level', 'build_visualizer': 'visualizer', 'build_log_processor': 'log_processor',
    'build_model': 'model', 'wrap_model': 'model_wrapper_cfg', 'build_optim_wrapper': 'optim_wrapper',
    'build_param_scheduler': 'param_scheduler', 'build_dataloader': 'a dataloader', 'build_train_loop': 'train_cfg',
    'build_val_loop': 'val_cfg', 'build_test_loop': 'test_cfg', 'build_evaluator': 'an evaluator',
    'setup_env': 'env_cfg', 'set_randomness': 'randomness', 'scale_lr': 'auto_scale_lr',
    '__init__': 'the run', '_init_model_weights': 'init_cfg of the model',
    'register_default_hooks': 'default_hooks', 'register_custom_hooks': 'custom_hooks', '_maybe_compile': 'compile'}
"""Method of mmengine's Runner -> what of the config it reads."""
_BUILDERS = (build_functions.build_from_cfg.__code__, build_functions.build_runner_from_cfg.__code__)
_OF_A_LOOP = ('a dataloader', 'an evaluator')
_BEFORE_TRAINING = ('before_run', 'before_train', 'before_val', 'before_test', 'after_load_checkpoint')
_STATIC = 'build_dataloader'
_LOADERS = {'build_train_loop': 'train_', 'build_val_loop': 'val_', 'build_test_loop': 'test_'}
_MACHINE = (URLError, ConnectionError, MemoryError, RunFailed)


@dataclass
class _Part:
    """What was being built when an error came."""

    entry: str | None
    """Its path in the config, ``None`` where it was made elsewhere."""
    type: Any = None
    cls: Any = None
    registry: Registry | None = None
    given: Any = None
    is_hook_called: bool = False
    """Whether it is a hook that was built and called."""

    @property
    def name(self) -> str:
        """For messages."""
        kind = type_name(self.type)
        if self.entry is None:
            return f'a {kind}' if kind else 'a part of the config'
        return f'{self.entry} ({kind})' if kind else self.entry


@contextmanager
def building_as_sentences(cfg: Config | Mapping[str, Any] | None = None) -> Iterator[None]:
    """Names the part of a config in whose building an error was raised, its class and what to change.

    Args:
        cfg: the config, in which the part is looked for.

    Raises:
        BuildFailed: for anything but errors of the machine, such as a download or memory.
    """
    try:
        yield
    except (DistilPoseError, *_MACHINE):
        raise
    except Exception as error:
        part = _part_being_built(error, cfg or {})
        if part is None or (isinstance(error, OSError) and not isinstance(error, FileNotFoundError)):
            raise
        failed = BuildFailed(_describe(error, part))
        note(failed, traceback_file=getattr(error, 'traceback_file', None))
        raise failed from error


def _part_being_built(error: BaseException, cfg: Config | Mapping[str, Any]) -> _Part | None:
    """The innermost call of a registry or of a building method of the Runner in a traceback."""
    root = cfg._cfg_dict if isinstance(cfg, Config) else cfg
    nodes = list(dictionaries(root, ''))
    part, loader = None, ''
    for frame in _frames(error.__traceback__):
        code, values = frame.tb_frame.f_code, frame.tb_frame.f_locals
        if code in _BUILDERS:
            above = part.entry if part else None
            part = _Part(_find(values.get('cfg'), nodes, above=above, loader=loader), values.get('obj_type'),
                         values.get('obj_cls'), values.get('registry'), values.get('cfg'))
            if part.entry is None and above:  # the Runner changes some dictionaries before it builds from them
                part.entry = above if isinstance(values.get('cfg'), Mapping) else f'a part of {above}'
            if code is _BUILDERS[1]:
                part = _Part('runner_type', values.get('runner_type'), values.get('runner_cls'), values.get('registry'))
        elif code is Runner.call_hook.__code__ and values.get('fn_name') in _BEFORE_TRAINING:
            part = _Part(f'the hook {type(values.get("hook")).__name__}', is_hook_called=True)
        elif code.co_name in _ENTRIES and (isinstance(values.get('self'), Runner) or code.co_name == _STATIC):
            loader = _LOADERS.get(code.co_name, loader)
            entry = _ENTRIES[code.co_name]
            part = _Part(f'{loader}{entry.split()[-1]}' if loader and entry in _OF_A_LOOP else entry)
    return part


def _find(part: Any, nodes: list[Node], *, above: str | None, loader: str) -> str | None:
    """The path of a dictionary in the config, one below the last found or of the loop's loader if several equal it."""
    if not isinstance(part, Mapping):
        return None
    paths = [path for path, node in nodes if node is part] or [path for path, node in nodes if path and node == part]
    below = [path for path in paths if above and path.startswith(above)] or [
        path for path in paths if loader and path.startswith(loader)]
    return next(iter(below or paths), None)


def _frames(frame: TracebackType | None) -> Iterator[TracebackType]:
    while frame is not None:
        yield frame
        frame = frame.tb_next


def _describe(error: Exception, part: _Part) -> str:
    text = _text(error)
    unknown = _UNKNOWN_TYPE.match(text)
    if unknown:
        kind, registry = unknown.groups()
        where = part.entry.removesuffix('runner_type') if part.entry else None
        where = f'{where}.type: ' if where else ''
        return f'{where}{kind} is not in the {registry} registry: {_remedy(kind, part.registry)}'
    if isinstance(error, KeyError) and 'must contain the key "type"' in text:
        return (f'{part.entry or "a part of the config"} has no type, which says what it is; add type=..., or see '
                'whether the part is spelt as in its base config')
    if isinstance(error, TypeError) and text.startswith(('cfg should be a dict', 'type must be a str')):
        return f'{part.entry or "a part of the config"}: {text}; write it as dict(type=..., ...)'
    missing = _MISSING.search(text) if isinstance(error, TypeError) else None
    if missing:
        inner = '' if _is_about_call(error, part) else f': {text.partition(".__init__()")[0]}'
        return f'{part.name}{inner} lacks the argument {missing[1]}; add it in the config'
    unexpected = _UNEXPECTED.search(text) if isinstance(error, TypeError) else None
    if unexpected and (_is_about_call(error, part) or unexpected[1] in (part.given or ())):
        return f'{part.name} does not take the argument {unexpected[1]}; {_meant(unexpected[1], part.cls)}'
    if unexpected:
        return (f'{part.name}: {text.partition(".__init__()")[0]} does not take the argument {unexpected[1]}; check '
                'its spelling in the config, or remove it')
    failed = 'fails at the start of the run' if part.is_hook_called else 'cannot be built'
    return f'{part.name} {failed}: {type(error).__name__}: {text.rstrip(".")}; change its values in the config'


def _is_about_call(error: BaseException, part: _Part) -> bool:
    """Whether an error came from the call of the class itself, and not from within its constructor."""
    *_, last = _frames(error.__traceback__)
    return last.tb_frame.f_code in _BUILDERS or part.cls is None


def _text(error: Exception) -> str:
    """The message of an error in a line; of an assertion without one, what was asserted."""
    text = ' '.join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
    if not text:
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = f'{last.line} (in {last.name}, line {last.lineno} of {last.filename})'
    return text if len(text) <= 400 else f'{text[:300]} ... {text[-100:]}'


def _meant(name: str, cls: Any) -> str:
    from .models import check_arguments

    if inspect.isclass(cls):
        try:
            check_arguments(cls, [name], entry='')
        except DistilPoseError as error:
            return str(error).partition('; ')[2]
    return 'check its spelling in the config, or remove it'


def _remedy(kind: str, registry: Registry | None) -> str:
    package, dot, name = kind.rpartition('.')
    package = package.partition('.')[0]
    if dot and find_spec(package) is None:
        return (f'it is defined in the package {package}, which is not installed; install it, or name a type of mmpose '
                'or of your own in its place')
    close = difflib.get_close_matches(name, _names(registry), n=1)
    meant = f'did you mean {close[0]}? Otherwise ' if close else ''
    return (f'{meant}check the spelling of this type in the config, and that custom_imports names the package that '
            'defines it')


def _names(registry: Registry | None) -> list[str]:
    """The types that are registered in a registry and in those above it."""
    names: list[str] = []
    while registry is not None:
        names += registry.module_dict
        registry = registry.parent
    return names
