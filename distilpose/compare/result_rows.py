"""Models and teachers of result files: their figures over seeds, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distilpose.errors import DistilPoseError

from .cost import FILE as COSTS
from .results import mean_of, read_json
from .statistics import Estimate, Interval, interval

_OTHERS = ('table.json', COSTS)
_OF_A_SEARCH = '_search.json'


@dataclass(frozen=True, eq=False)
class ModelRow:
    """A model over its seeds, or a teacher."""

    plan: str
    key: str
    """Of the model in its plan."""
    title: str
    family: str
    is_teacher: bool
    results: Sequence[Mapping[str, Any]]
    """One of each seed, see :mod:`~distilpose.compare.results`."""

    def mean(self, figure: str) -> Estimate:
        """Of the seeds, with its draws; NaN where a result has none."""
        return mean_of(self.results, figure) or Estimate(math.nan, np.array([]))

    def interval(self, figure: str) -> Interval:
        """The mean of the seeds with its bootstrap interval over images."""
        return interval(self.mean(figure))

    def seeds(self, figure: str) -> list[float]:
        """The value of every seed, where it is defined."""
        return [result['figures'][figure] for result in self.results if result['figures'].get(figure) is not None]


def read_rows(folders: Sequence[Path]) -> list[ModelRow]:
    """Models and teachers of folders of result files, as their tables have them in order, else by name.

    Args:
        folders: of several plans.

    Raises:
        DistilPoseError: a folder has no result files, or a file is damaged.
    """
    return [row for folder in folders for row in _read_folder(folder)]


def find_row(name: str, rows: Sequence[ModelRow]) -> ModelRow:
    """The model ``MODEL`` or ``PLAN/MODEL``.

    Raises:
        DistilPoseError: there is none, or several plans have one of this name.
    """
    found = [row for row in rows if name in (row.key, f'{row.plan}/{row.key}')]
    names = [f'{row.plan}/{row.key}' for row in found]
    if not found:
        known = dict.fromkeys(row.key for row in rows)
        raise DistilPoseError(f'there are no results of a model {name!r}; expected one of {", ".join(known)}')
    if len(found) > 1:
        raise DistilPoseError(f'{name!r} is a model of several plans; name it as one of {", ".join(names)}')
    return found[0]


def _read_folder(folder: Path) -> list[ModelRow]:
    found: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(folder.glob('*.json')):
        if file.name not in _OTHERS and not file.name.endswith(_OF_A_SEARCH):
            values = read_json(file)
            found.setdefault(values['model'], []).append(values)
    if not found:
        raise DistilPoseError(f'{folder} has no result files; expected those of distilpose compare --plan, such as '
                              'MODEL_seed0.json')
    return [_row(found[key]) for key in sorted(found, key=_place_in(folder / 'table.json'))]


def _place_in(table: Path) -> Any:
    """A key for sorting names of models as a table has them, others behind it."""
    names: list[str] = []
    if table.is_file():
        names = [model['model'] for model in read_json(table, needed=('models', ))['models']]
    return lambda name: (names.index(name) if name in names else len(names), name)


def _row(results: list[dict[str, Any]]) -> ModelRow:
    first = results[0]
    return ModelRow(str(first.get('plan', '')), first['model'], str(first.get('title') or first['model']),
                    str(first.get('family') or ''), first['seed'] is None, results)
