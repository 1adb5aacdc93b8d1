"""Walking a config: its dictionaries with their paths, and a copy with other strings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Node = tuple[str, Mapping[str, Any]]


def dictionaries(node: Any, path: str) -> Iterator[Node]:
    """Every dictionary in a config's part, outermost first, with its path such as ``dataset.pipeline[2]``."""
    if isinstance(node, Mapping):
        yield path, node
        for key, value in node.items():
            yield from dictionaries(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from dictionaries(value, f'{path}[{index}]')


def class_of(registry: Any, kind: Any) -> Any:
    """What a ``type`` names in a registry, or is itself; ``None`` where there is none, which building it reports."""
    return registry.get(kind) if isinstance(kind, str) and kind else kind


def type_name(kind: Any) -> str:
    """The name of a ``type`` without its scope (``'mmpose.'``); a config may also give a class."""
    return kind.rpartition('.')[2] if isinstance(kind, str) else getattr(kind, '__name__', '')


def is_distillation(model: Mapping[str, Any] | None) -> bool:
    """Whether a config's ``model`` is a :class:`~distilpose.distillation.PoseDistiller`."""
    return type_name((model or {}).get('type')) == 'PoseDistiller'


def plain(node: Any) -> Any:
    """A copy of a config's part without mmengine's types."""
    return change_strings(node, str)


def change_strings(node: Any, change: Callable[[str], str]) -> Any:
    """A copy of a config's part in which every string that is no key is changed."""
    if isinstance(node, dict):
        return {key: change_strings(value, change) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(change_strings(value, change) for value in node)
    return change(node) if isinstance(node, str) else node
