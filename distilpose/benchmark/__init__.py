"""How fast a config is; ``tools/benchmark.py`` has a subcommand for every entry of the table."""

from . import data, evaluation, infer, loss, teacher_cache, train
from .subcommand import Subcommand
from .timing import Report, interleave

SUBCOMMANDS: dict[str, Subcommand] = {
    'train': train.SUBCOMMAND,
    'infer': infer.SUBCOMMAND,
    'data': data.SUBCOMMAND,
    'eval': evaluation.SUBCOMMAND,
    'loss': loss.SUBCOMMAND,
    'teacher-cache': teacher_cache.SUBCOMMAND,
}

__all__ = ['SUBCOMMANDS', 'Report', 'Subcommand', 'interleave']
