"""Differences of two nested configs, as text."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

_ABSENT = object()


class Difference(NamedTuple):
    """A place with its value in one and in the other."""

    where: str
    one: str
    other: str


def differences(one: Any, other: Any, *, where: str = '', ignore: Collection[str] = ()) -> Iterator[Difference]:
    """The innermost places at which two nested dictionaries and lists differ.

    Args:
        one: nested dictionaries, lists, tuples and plain values.
        other: the same.
        where: the path that leads to both.
        ignore: keys that may differ, at any depth.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            if key not in ignore:
                path = f'{where}.{key}' if where else str(key)
                yield from differences(one.get(key, _ABSENT), other.get(key, _ABSENT), where=path, ignore=ignore)
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from differences(first, second, where=f'{where}[{index}]', ignore=ignore)
    elif one != other:
        yield Difference(where, _show(one), _show(other))


def _show(value: Any) -> str:
    text = 'absent' if value is _ABSENT else repr(value)
    return text if len(text) <= 60 else text[:57] + '...'


def read_literals(text: str) -> dict[str, Any]:
    """The values of a config that mmengine has written out, read without running it.

    Args:
        text: assignments of numbers, strings, lists, tuples, ``{...}`` and ``dict(...)``.

    Raises:
        ValueError: when there is anything else in it.
    """
    values = {}
    for statement in ast.parse(text).body:
        if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
            raise ValueError(f'line {statement.lineno} is no assignment')
        values[statement.targets[0].id] = _literal(statement.value)
    return values


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        values = {str(keyword.arg): _literal(keyword.value) for keyword in node.keywords}
        return {key: value for part in node.args for key, value in _literal(part).items()} | values
    if isinstance(node, ast.Dict):
        return {_literal(key): _literal(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.List):
        return [_literal(entry) for entry in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_literal(entry) for entry in node.elts)
    if isinstance(node, ast.Name) and node.id in ('inf', 'nan'):
        return float(node.id)
    return ast.literal_eval(node)
