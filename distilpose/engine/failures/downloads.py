"""Failed downloads of weights: the entry of the config with the address, and how to start without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config

from ...config import ConfigTree, dictionaries
from ...errors import as_option
from ...host.downloads import CannotDownload

_KEYS = ('checkpoint', 'load_from', 'pretrained')
_TEACHERS = ('model.teacher.', 'model.teachers.')


@contextmanager
def downloads_as_sentences(cfg: Config) -> Iterator[None]:
    """Raises a sentence where initial weights cannot be downloaded, with what to do without them.

    Raises:
        CannotDownload: with the entry of the config, and the option with which a run starts without these weights.
    """
    try:
        yield
    except CannotDownload as error:
        entry = _entry_of(cfg, error.url)
        if entry is None:
            raise
        raise CannotDownload(error.url, error.target, f'{error.reason}; named by {entry}',
                             way_on=_way_without(entry)) from error


def _entry_of(cfg: Config, url: str) -> str | None:
    """The entry of a config that names an address, or weights by a name that mmengine translates to one."""
    tree = ConfigTree.of(cfg)
    nodes = [*dictionaries(tree.student, 'model.student' if tree.is_distillation else 'model'), *tree.nodes]
    named = [(f'{path}.{key}' if path else key, str(node[key])) for path, node in nodes for key in _KEYS
             if node.get(key)]
    exact = [entry for entry, value in named if value == url]
    translated = [entry for entry, value in named if '://' in value and not value.startswith('http')]
    return next(iter([*exact, *translated]), None)


def _way_without(entry: str) -> str:
    option = as_option(entry)
    if option.startswith(_TEACHERS):
        return f'or name a file with --cfg-options {option}=FILE'
    place, _, key = option.rpartition('.')
    if place.endswith('init_cfg') and key == 'checkpoint':
        option = place
    return f'or start from random weights with --cfg-options {option}=None'
