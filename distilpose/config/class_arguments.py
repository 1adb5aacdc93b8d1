"""Arguments of registered classes and functions: names, annotations and defaults of their constructors."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import mmengine.registry
import mmpose.registry
import torch
from mmengine.registry import Registry
from torch import nn

_NUMBERS = (int, float, complex)
_LISTS = (list, tuple, Sequence, Iterable, set, frozenset)
_PLAIN = (*_NUMBERS, bool, type(None), torch.Tensor)
_HOST = ('mmpose.', 'mmcv.', 'mmengine.', 'torch.', 'distilpose.')
_FLAG_WORDS = frozenset({'yes', 'no', 'true', 'false', 'on', 'off', 'y', 'n', 't', 'f', '0', '1'})
_WORDS = {bool: 'bool', str: r'str\w*', int: 'int|float|number', float: 'float|number', dict: 'dict|mapping'}
"""Type of a value -> words for it in docstrings."""


class Argument(NamedTuple):
    """An argument of a class or function."""

    annotation: Any
    """Resolved; ``inspect.Parameter.empty`` without one, or where it cannot be resolved."""
    default: Any
    """``inspect.Parameter.empty`` without one."""


def parameters(*callables: Callable[..., Any], without: Collection[str] = ()) -> frozenset[str]:
    """Names of the parameters of functions or of constructors."""
    names = {name for function in callables for name in arguments(function)[0]}
    return frozenset(names - {'self', *without})


@functools.cache
def arguments(kind: Callable[..., Any]) -> tuple[dict[str, Argument], bool]:
    """The arguments that a class or function takes.

    Args:
        kind: of a class the constructor, and those that it passes ``**kwargs`` on to. What it takes out of ``kwargs``
            by name is an argument, too.

    Returns:
        Name -> argument, and whether any further name is taken.
    """
    if not inspect.isclass(kind):
        return _of_function(kind)
    found: dict[str, Argument] = {}
    for base in kind.__mro__:
        constructor = vars(base).get('__init__')
        if base in (object, nn.Module) or constructor is None:
            continue
        named, is_open = _of_function(constructor)
        own = dict(list(named.items())[1:])  # without self
        found = {**own, **found}
        if not is_open:
            return found, False
        taken, is_passed_on = _use_of_keywords(constructor)
        found = {**dict.fromkeys(taken, Argument(inspect.Parameter.empty, inspect.Parameter.empty)), **found}
        if not is_passed_on:
            return found, True
    return found, bool(found)


def _use_of_keywords(constructor: Callable[..., Any]) -> tuple[set[str], bool]:
    """The names that a constructor takes out of its ``**kwargs``, and whether it passes them on to another one."""
    name = next((parameter.name for parameter in inspect.signature(constructor).parameters.values()
                 if parameter.kind == parameter.VAR_KEYWORD), '')
    try:
        source = textwrap.dedent(inspect.getsource(constructor))
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except (OSError, TypeError, SyntaxError):  # of a class without a file
        return set(), True
    taken = re.findall(rf'\b{name}(?:\.(?:pop|get|setdefault)\(|\[)\s*[\'"](\w+)[\'"]', source)
    is_passed_on = any(isinstance(call.func, ast.Attribute) and call.func.attr == '__init__' and any(
        keyword.arg is None and isinstance(keyword.value, ast.Name) and keyword.value.id == name
        for keyword in call.keywords) for call in calls)
    return set(taken), is_passed_on


@functools.cache
def is_of_host(kind: Any, name: str = '') -> bool:
    """Whether a class or function, or one of its arguments, is defined by mmpose, mmengine, mmcv, torch or distilpose.

    Args:
        kind: the class or function.
        name: of an argument; empty for the class itself.
    """
    if inspect.isclass(kind) and name:
        kind = next((base for base in kind.__mro__ if '__init__' in vars(base)
                     and name in _of_function(vars(base)['__init__'])[0]), kind)
    return str(getattr(kind, '__module__', '') or '').startswith(_HOST)


@functools.cache
def _of_function(function: Callable[..., Any]) -> tuple[dict[str, Argument], bool]:
    try:
        signature = inspect.signature(function).parameters.values()
    except ValueError:  # of a function in C without a signature
        return {}, True
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # an annotation may name anything, and evaluating it raise anything
        hints = {}
    named = {parameter.name: Argument(hints.get(parameter.name, parameter.empty), parameter.default)
             for parameter in signature if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)}
    return named, any(parameter.kind == parameter.VAR_KEYWORD for parameter in signature)


_REGISTERED: dict[str, tuple[Any, ...]] = {}
"""What :func:`registered` found; not what is missing, which may be registered later in the same process."""


def registered(name: str) -> tuple[Any, ...]:
    """What mmpose has registered under a name, and mmengine where mmpose has not."""
    if not all(name.split('.')):  # mmengine would import the scope before a dot
        return ()
    if name not in _REGISTERED:
        holders = [registry for registry in _registries() if _holds(registry, name)]
        found = [registry.get(name) for registry in holders or _registries()]
        kinds = tuple(dict.fromkeys(kind for kind in found if kind is not None))
        if not kinds:
            return ()
        _REGISTERED[name] = kinds
    return _REGISTERED[name]


def _holds(registry: Registry | None, name: str) -> bool:
    """Whether a name without a scope is registered; ``Registry.get`` imports a module of this name where it is not."""
    if registry is None or '.' in name:
        return False
    registry.import_from_location()
    return name in registry.module_dict or _holds(registry.parent, name)


def registered_names() -> list[str]:
    """All names that mmpose and mmengine have registered."""
    found = (value for module in (mmpose.registry, mmengine.registry) for value in vars(module).values())
    return sorted({name for registry in found if isinstance(registry, Registry) for name in registry.module_dict})


@functools.cache
def _registries() -> tuple[Registry, ...]:
    """Those of mmpose, which look into mmengine's as well, and those that only mmengine has."""
    return tuple(value for value in {**vars(mmengine.registry), **vars(mmpose.registry)}.values()
                 if isinstance(value, Registry))


def kinds_of(node: Mapping[str, Any]) -> tuple[Any, ...]:
    """The classes and functions of a dictionary's ``type``; of every kind, since a name may be registered twice."""
    kind = node.get('type')
    if isinstance(kind, str):
        return registered(kind)
    return (kind, ) if callable(kind) else ()


def misfit(value: Any, argument: Argument) -> str | None:
    """What an argument expects, where a value is certainly of another type.

    Annotations of mmpose are often narrower than its code, so only this is certain: text or a dictionary for numbers
    or flags, a number for text, flags or several numbers, a fraction for whole numbers, and none of a list of names.

    Returns:
        The expected type in words, or ``None``.
    """
    default = argument.default
    if value is None or type(value) is type(default) or argument.annotation is inspect.Parameter.empty:
        is_flag = isinstance(value, str) and value.lower() in _FLAG_WORDS and isinstance(default, bool)
        return 'True or False' if is_flag else None
    allowed = _alternatives(argument.annotation)
    literals = [choice for kind in allowed if typing.get_origin(kind) is typing.Literal
                for choice in typing.get_args(kind)]
    plain = [typing.get_origin(kind) or kind for kind in allowed if typing.get_origin(kind) is not typing.Literal]
    if literals and value not in literals and all(kind in (type(None), bool) for kind in plain):
        return f'one of {", ".join(map(repr, literals))}'
    if literals or not all(kind in (*_PLAIN, *_LISTS, str, dict) for kind in plain):
        return None
    if isinstance(value, str):
        is_certain = str not in plain and not any(_may_hold_text(kind) for kind in allowed)
    elif isinstance(value, Mapping):
        is_certain = all(kind in (*_PLAIN, str) for kind in plain)
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        is_certain = False
    else:
        is_certain = (not any(kind in (*_NUMBERS, torch.Tensor) for kind in plain)
                      and not (bool in plain and value in (0, 1))) or (
            not float(value).is_integer() and not any(kind in (float, complex, torch.Tensor) for kind in plain))
    return _in_words(plain) if is_certain else None


def is_documented(kind: Any, name: str, value: Any) -> bool:
    """Whether the docstring of a class names the type of a value for an argument, which its annotation may not."""
    words = _WORDS.get(dict if isinstance(value, Mapping) else type(value))
    text = '\n'.join(filter(None, (getattr(part, '__doc__', None) for part in (kind, getattr(kind, '__init__', None)))))
    entry = re.search(rf'^[ \t]*{re.escape(name)} *\(([^)]*)\)', text, re.MULTILINE)
    return bool(words and entry and re.search(rf'\b(?:{words})\b', entry[1], re.IGNORECASE))


def takes_text(argument: Argument) -> bool:
    """Whether text is among what an argument takes, by its annotation or default."""
    return isinstance(argument.default, str) or any(
        kind is str or typing.get_origin(kind) is typing.Literal or _may_hold_text(kind)
        for kind in _alternatives(argument.annotation))


def _alternatives(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [kind for part in typing.get_args(annotation) for kind in _alternatives(part)]
    return [annotation]


def _may_hold_text(kind: Any) -> bool:
    """Whether a list may have text in it, which may be given in its place."""
    origin = typing.get_origin(kind) or kind
    if origin not in _LISTS:
        return False
    inner = [part for entry in typing.get_args(kind) if entry is not ... for part in _alternatives(entry)]
    return not inner or not all((typing.get_origin(part) or part) in (*_PLAIN, *_LISTS) for part in inner)


def _in_words(kinds: Sequence[Any]) -> str:
    words = {int: 'a whole number', float: 'a number', complex: 'a number', bool: 'True or False', str: 'text',
             dict: 'a dictionary', type(None): 'None', torch.Tensor: 'a number'}
    names = list(dict.fromkeys(words.get(kind, 'a list') for kind in kinds if kind is not type(None)))
    if 'a number' in names and 'a whole number' in names:
        names.remove('a whole number')
    return ' or '.join(names)
