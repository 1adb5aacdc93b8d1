"""How fast a config is; ``tools/benchmark.py`` has a subcommand for every entry of the table."""

from . import data, train
from .subcommand import Subcommand
from .timing import Report, interleave

SUBCOMMANDS: dict[str, Subcommand] = {'train': train.SUBCOMMAND, 'data': data.SUBCOMMAND}

__all__ = ['SUBCOMMANDS', 'Report', 'Subcommand', 'interleave']
