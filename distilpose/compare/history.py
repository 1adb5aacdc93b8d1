"""Scalars in the logs of a work directory: losses, shares of the gradient, validation metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distilpose.engine.hooks.gradient_share import PREFIX
from distilpose.errors import DistilPoseError
from distilpose.evaluation import is_a_figure

_MOST_STEPS = 50_000_000


@dataclass(frozen=True)
class Series:
    """One scalar over the training."""

    steps: np.ndarray
    """(S,) iterations, from 1."""
    values: np.ndarray
    """(S,)"""

    def at_every_iteration(self) -> np.ndarray:
        """Straight lines between the logged values; NaN before the first one."""
        iterations = np.arange(1, int(self.steps[-1]) + 1)
        return np.interp(iterations, self.steps, self.values, left=np.nan)


def read_history(folder: Path) -> dict[str, Series]:
    """All training scalars of a work directory; where a resumed training repeats an iteration, the later line counts.

    Args:
        folder: of :func:`distilpose.engine.train`.

    Raises:
        DistilPoseError: a line is none of a training; the last line of a file, which an end may have cut, is left out.
    """
    return _series(folder, of_training=True)


def read_metrics(folder: Path) -> dict[str, Series]:
    """All validation metrics of a work directory, such as ``coco/AP``, as :func:`read_history` reads losses.

    The steps are epochs, or iterations of a training that counts those. Metrics that cannot be computed, such as -1 of
    COCO where there are no large people, are left out.
    """
    found = {name: Series(series.steps[kept], series.values[kept])
             for name, series in _series(folder, of_training=False).items()
             if name not in ('step', 'time', 'data_time', 'memory')
             and (kept := [is_a_figure(value) for value in series.values])}
    return {name: series for name, series in found.items() if len(series.steps)}


def _series(folder: Path, *, of_training: bool) -> dict[str, Series]:
    found: dict[str, dict[int, float]] = {}
    for file in sorted(folder.glob('*/vis_data/scalars.json')):  # folders are named by the time of the start
        for entry in _entries(file):
            step = entry.get('step')
            if ('loss' in entry) == of_training and type(step) is int:  # the lines of validations have no loss
                for name, value in entry.items():
                    if isinstance(value, (int, float)):
                        found.setdefault(name, {})[step] = float(value)
    return {name: Series(np.array(sorted(values)), np.array([values[step] for step in sorted(values)]))
            for name, values in found.items()}


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    lines = file.read_text(encoding='utf-8', errors='replace').splitlines()
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if not isinstance(entry, dict):
                raise ValueError('it is no dictionary')
            step = entry.get('step')
            if 'loss' in entry and not (type(step) is int and 0 <= step <= _MOST_STEPS):
                raise ValueError(f'its step is {str(step)[:40]}')
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise DistilPoseError(f'line {number} of {file} is none that a training writes ({error}); take the line '
                                  'out, or move the folder away to train again') from error
        yield entry


def losses(history: Mapping[str, Series]) -> dict[str, Series]:
    """Loss without ``loss_`` -> series; the total is left out."""
    return {name.removeprefix('loss_'): series for name, series in history.items() if name.startswith('loss_')}


def gradient_shares(history: Mapping[str, Series]) -> dict[str, Series]:
    """Loss without ``loss_`` -> its share of the gradient; empty where no ``GradientShareHook`` was at work."""
    return {name.removeprefix(PREFIX): series for name, series in history.items() if name.startswith(PREFIX)}
