"""Text of a config: laid out by its syntax tree, and cached."""

from __future__ import annotations

import ast
import functools
from typing import Any

_WIDTH = 120
_INDENT = 4


def format_code(text: str, **options: Any) -> tuple[str, bool]:
    """yapf's ``FormatCode`` for the text of a config, in a hundredth of the time; the last results are remembered.

    mmengine lays the same text out for the work directory, for each visualizer backend and for every checkpoint. A
    value that does not fit its line has one entry a line, as yapf's has.

    Args:
        text: Python code without comments, as ``Config.pretty_text`` gives it.
        options: of yapf, which are not read.

    Returns:
        The code laid out, and whether that changed it.

    Raises:
        SyntaxError: the text is no Python.
    """
    found = _format(text)
    return found, found != text


@functools.lru_cache(maxsize=8)
def _format(text: str) -> str:
    return ''.join(f'{_statement(node)}\n' for node in ast.parse(text).body)


def _statement(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign):
        start = ''.join(f'{ast.unparse(target)} = ' for target in node.targets)
        return start + _value(node.value, indent=0, used=len(start))
    return ast.unparse(node)


def _value(node: ast.expr, *, indent: int, used: int) -> str:
    """The text of a value.

    Args:
        node: the value.
        indent: of its line.
        used: columns of the line before the value, and those that have to follow it.
    """
    flat = ast.unparse(node)
    parts = _parts(node)
    if used + len(flat) <= _WIDTH or parts is None:
        return flat
    opening, entries, closing = parts
    inner = indent + _INDENT
    lines = [f'{" " * inner}{start}{_value(entry, indent=inner, used=inner + len(start) + 1)},\n'
             for start, entry in entries]
    return f'{opening}\n{"".join(lines)}{" " * indent}{closing}'


def _parts(node: ast.expr) -> tuple[str, list[tuple[str, ast.expr]], str] | None:
    """What encloses the entries of a value, and each entry with what stands before it; None for a single value."""
    if isinstance(node, (ast.List, ast.Set)) and node.elts:
        return ('[', _plain(node.elts), ']') if isinstance(node, ast.List) else ('{', _plain(node.elts), '}')
    if isinstance(node, ast.Tuple) and node.elts:
        return '(', _plain(node.elts), ')'
    if isinstance(node, ast.Dict) and node.keys:
        return '{', [('**' if key is None else f'{ast.unparse(key)}: ', value)
                     for key, value in zip(node.keys, node.values, strict=True)], '}'
    if isinstance(node, ast.Call) and (node.args or node.keywords):
        keywords = [('**' if word.arg is None else f'{word.arg}=', word.value) for word in node.keywords]
        return f'{ast.unparse(node.func)}(', _plain(node.args) + keywords, ')'
    return None


def _plain(nodes: list[ast.expr]) -> list[tuple[str, ast.expr]]:
    return [('', node) for node in nodes]
