"""Printing parameters, MACs and FLOPs of a model, as text or JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .measure import Complexity
from .published import PublishedStyle

_WIDTH_OF_FILES = 200


def print_json(found: Complexity, *, depth: int | None = None) -> None:
    """Prints the figures as JSON; with a depth also ``modules``, the whole model under an empty name."""
    figures: dict[str, Any] = dict(found.figures())
    if depth is not None:
        figures['modules'] = {name: asdict(cost) for name, cost in found.modules_to(depth).items()}
    print(json.dumps(figures, indent=2))


def print_text(found: Complexity, *, style: PublishedStyle, depth: int | None = None) -> None:
    """Prints one line a figure; with a depth also a table of modules."""
    width, height = found.input_size
    print(f'One image of {height}x{width} (height x width), one forward pass without flip test.\n')
    for name, value, meaning in (
        ('parameters', _in_millions(found.params.all), 'all'),
        ('trainable', _in_millions(found.params.trainable), 'parameters that require a gradient'),
        ('MACs', _in_units(found.macs), 'multiply-adds of convolutions, linear layers and attention'),
        ('FLOPs', _in_units(found.flops), '2 x MACs'),
        ('published style', f'{found.published.gmacs:.3f} G', style.meaning),
        ('', _in_millions(found.published.parameters), 'parameters by the same counter'),
    ):
        print(f'{name:<15} {value:>10}  {meaning}')
    if depth is not None:
        console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)
        console.print(module_table(found, depth=depth))


def module_table(found: Complexity, *, depth: int) -> Table:
    """A row a module, its submodules indented below it and included in its figures."""
    table = Table(header_style='bold', box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column('module', no_wrap=True)
    for heading in ('parameters', 'MACs', 'share'):
        table.add_column(heading, justify='right', no_wrap=True)
    for name, cost in found.modules_to(depth).items():
        indented = '  ' * name.count('.') + (name.rpartition('.')[2] or 'all')
        table.add_row(indented, _in_millions(cost.params), _in_units(cost.macs),
                      f'{100 * cost.macs / max(found.macs, 1):.1f} %')
    return table


def _in_millions(count: int) -> str:
    return f'{count / 1e6:.3f} M'


def _in_units(count: int) -> str:
    return f'{count / 1e9:.3f} G' if count >= 1e8 else _in_millions(count)
