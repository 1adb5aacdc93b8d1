"""Measurements of speed; ``distilpose benchmark`` has a subcommand for every entry of the table."""

import argparse
from collections.abc import Callable

from mmengine.config import Config

from . import data, evaluation, infer, loss, teacher_cache, train
from .timing import Report, interleave

MEASUREMENTS: dict[str, Callable[[Config, argparse.Namespace], Report]] = {
    'train': train.measure,
    'infer': infer.measure,
    'data': data.measure,
    'eval': evaluation.measure,
    'loss': loss.measure,
    'teacher-cache': teacher_cache.measure,
}
"""Name on the command line -> a config and the command line to what was found."""

__all__ = ['MEASUREMENTS', 'Report', 'interleave']
