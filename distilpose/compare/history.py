"""What a training has logged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distilpose.engine.hooks.gradient_share import PREFIX


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
    """
    found: dict[str, dict[int, float]] = {}
    for file in sorted(folder.glob('*/vis_data/scalars.json')):  # folders are named by the time of the start
        for line in file.read_text(encoding='utf-8').splitlines():
            entry = json.loads(line)
            if 'loss' in entry:  # the lines of validations have none
                for name, value in entry.items():
                    if isinstance(value, (int, float)):
                        found.setdefault(name, {})[int(entry['step'])] = float(value)
    return {name: Series(np.array(sorted(values)), np.array([values[step] for step in sorted(values)]))
            for name, values in found.items()}


def losses(history: Mapping[str, Series]) -> dict[str, Series]:
    """Loss without ``loss_`` -> series; the total is left out."""
    return {name.removeprefix('loss_'): series for name, series in history.items() if name.startswith('loss_')}


def gradient_shares(history: Mapping[str, Series]) -> dict[str, Series]:
    """Loss without ``loss_`` -> its share of the gradient; empty where no ``GradientShareHook`` was at work."""
    return {name.removeprefix(PREFIX): series for name, series in history.items() if name.startswith(PREFIX)}
