"""Imports of the package point one way, between its rooms and between its modules."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent / 'distilpose'
ORDER = ('errors', 'structures', 'renamed', 'progress', 'processor', 'slot_files', 'host', 'annotations', 'image_files',
         'annotation_store', 'config', 'data_config', 'checkpoints', 'codecs', 'models', 'crop_store', 'datasets',
         'evaluation', 'report', 'distillation', 'engine', 'inference', 'export', 'apis', 'check', 'initial_config',
         'complexity', 'benchmark', 'synthetic', 'compare', 'quickstart')
"""A room imports those before it only."""
EXCEPTIONS = {
    ('host', 'config'): 'a patched function of mmpose reads configs of distillations when it is called',
}


def name_of(file: Path) -> tuple[str, ...]:
    parts = file.relative_to(ROOT).with_suffix('').parts
    return parts[:-1] if parts[-1] == '__init__' else parts


MODULES = {name_of(file): file for file in ROOT.rglob('*.py')}


def imported(file: Path, *, top_level: bool) -> Iterator[tuple[str, ...]]:
    """Modules of the package that a file imports: anywhere, or when it is imported itself."""
    tree = ast.parse(file.read_text())
    package = name_of(file) if file.name == '__init__.py' else name_of(file)[:-1]
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            words = tuple((node.module or '').split('.')) if node.module else ()
            if node.level:
                base = (*package[:len(package) - node.level + 1], *words)
            elif words[:1] == ('distilpose',):
                base = words[1:]
            else:
                continue
            for alias in node.names:
                yield (*base, alias.name) if (*base, alias.name) in MODULES else base
        elif isinstance(node, ast.Import):
            yield from (tuple(alias.name.split('.')[1:]) for alias in node.names
                        if alias.name.split('.')[0] == 'distilpose')


def test_every_room_has_a_place_in_the_order() -> None:
    assert {name[0] for name in MODULES if name} == set(ORDER)


def test_rooms_import_earlier_ones_only() -> None:
    wrong, used = defaultdict(list), set()
    for name, file in MODULES.items():
        for other in imported(file, top_level=False):
            if not name or not other or other[0] == name[0] or ORDER.index(other[0]) < ORDER.index(name[0]):
                continue
            pair = name[0], other[0]
            if pair in EXCEPTIONS:
                used.add(pair)
            else:
                wrong[pair].append('.'.join(name))
    assert not wrong, dict(wrong)
    assert used == set(EXCEPTIONS), 'an exception that is not needed any more'


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {name: {other for other in imported(file, top_level=True) if other and other != name}
             for name, file in MODULES.items() if name and file.name != '__init__.py'}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(' -> '.join('.'.join(module) for module in error.args[1])) from error


def test_the_command_line_is_imported_by_nothing() -> None:
    assert not [name for name, file in MODULES.items() if 'import distilpose_cli' in file.read_text()
                or 'from distilpose_cli' in file.read_text()]
