"""Benchmarks: speed of training, inference, data loading, evaluation, a loss and the teacher cache."""

import argparse
from collections.abc import Callable

from mmengine.config import Config

from . import data, evaluation, infer, loss, teacher_cache, train
from .display import Report
from .timing import interleave

MEASUREMENTS: dict[str, Callable[[Config, argparse.Namespace], Report]] = {
    'train': train.measure,
    'infer': infer.measure,
    'data': data.measure,
    'eval': evaluation.measure,
    'loss': loss.measure,
    'teacher-cache': teacher_cache.measure,
}
"""Subcommand of ``distilpose benchmark`` -> (config, parsed command line) -> report."""

__all__ = ['MEASUREMENTS', 'Report', 'interleave']
