"""Values of a pickle that is followed without unpickling: globals, storages and the objects that would be made."""

from __future__ import annotations

from typing import Any


class Global:
    """A class or function that a pickle names."""

    __slots__ = ('name',)

    def __init__(self, name: str) -> None:
        self.name = name


class Storage:
    """The numbers of tensors."""

    __slots__ = ('item_bytes', 'nbytes')

    def __init__(self, nbytes: int, item_bytes: int) -> None:
        self.nbytes, self.item_bytes = nbytes, item_bytes


class Made:
    """An object that would be made: a list, a dictionary, or the result of a call."""

    __slots__ = ('children', 'kind')

    def __init__(self, kind: str, children: list[Any]) -> None:
        self.kind, self.children = kind, children


def is_made(value: Any, kind: str) -> bool:
    """Whether a value is an object of this class, by its full name."""
    return isinstance(value, Made) and value.kind == kind


def is_text(value: Any) -> bool:
    """Whether a value is a string or bytes."""
    return isinstance(value, (str, bytes)) or is_made(value, '_codecs.encode')


def entries_of(value: Any) -> Any:
    """The entries of a container; none for other values."""
    if isinstance(value, Made):
        return value.children
    return value if isinstance(value, tuple) else ()


def integers(value: Any) -> tuple[int, ...] | None:
    """The lengths of a shape; ``None`` for what is none."""
    if isinstance(value, Made):
        value = value.children[0] if is_made(value, 'torch.Size') and value.children else value.children
    if not isinstance(value, (tuple, list)) or any(type(length) is not int or length < 0 for length in value):
        return None
    return tuple(value)


def format_values(value: Any) -> str:
    """The first of some numbers, for messages."""
    text = ', '.join(str(entry)[:30] if isinstance(entry, (int, float)) else 'an object' for entry in value[:6])
    return f'({text}{", ..." if len(value) > 6 else ""})'
