"""Tables of a plan's results: figures over seeds, gains over baselines, gaps closed, cost; as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from distilpose.checkpoints.writing import write_atomically
from distilpose.errors import DistilPoseError
from distilpose.report import Table
from distilpose.report.metrics import ABSENT, in_units
from distilpose.report.table import code, plain

from .cost import FILE as COSTS
from .formatting import COMPARED, HEADINGS, closed, gained, spread
from .plan_file import Model
from .plan_tasks import Task, Tasks
from .results import mean_of, options_of, read_json, write_json
from .statistics import CONFIDENCE, DRAWS, Estimate, gain, gap

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """What is there of a plan."""

    by_model: Mapping[str, Mapping[int, Result]]
    """Key -> seed -> result, of the models of the plan in their order."""
    rows: Mapping[str, Result]
    """Name -> result without a seed, such as that of a published teacher."""
    notes: Sequence[str]

    @classmethod
    def read(cls, tasks: Tasks) -> Results:
        """Reads the folder of the results."""
        notes: list[str] = []
        found: dict[str, dict[int, Result]] = {}
        for model in tasks.file.models.values():
            found[model.key] = {}
            for seed in model.seeds:
                try:
                    result = tasks.result(Task(model.key, seed))
                except DistilPoseError as error:
                    notes.append(f'left out: {error}')
                    continue
                if result is not None:
                    found[model.key][seed] = result
            if len(found[model.key]) < len(model.seeds):
                seeds = ', '.join(map(str, found[model.key])) or 'none'
                notes.append(f'{model.title!r} has fewer seeds than the plan: {seeds} of '
                             f'{", ".join(map(str, model.seeds))}')
        return cls(found, _rows(tasks, notes), notes)

    def estimate(self, name: str, figure: str, seeds: Sequence[int]) -> Estimate | None:
        """A figure of a row, or of a model over these seeds, with its draws."""
        of_seeds = self.by_model.get(name, {})
        results = [self.rows[name]] if name in self.rows else [of_seeds[seed] for seed in seeds if seed in of_seeds]
        return mean_of(results, figure)


def _rows(tasks: Tasks, notes: list[str]) -> dict[str, Result]:
    """Results without a seed in the folder of the results; of other files there is a note."""
    ours = {'table.json', COSTS, *(tasks.search_file(model).name for model in tasks.file.models.values()),
            *(tasks.result_file(task).name for task in tasks.in_order)}
    rows: dict[str, Result] = {}
    for file in sorted(tasks.file.results.glob('*.json')):
        if file.name not in ours:
            try:
                found = read_json(file)
            except DistilPoseError as error:  # which must not stop a queue
                notes.append(f'left out: {error}')
                continue
            if found['seed'] is None:
                rows[found['model']] = found
    return rows


def write_table(tasks: Tasks, *, command: str = '') -> str:
    """Writes ``table.md`` and ``table.json`` of the results that are there; returns the Markdown."""
    summary = summarise(tasks, Results.read(tasks))
    text = markdown(summary, command=command)
    write_json(tasks.file.results / 'table.json', summary, indent=1)
    write_atomically(tasks.file.results / 'table.md', text)
    return text


def summarise(tasks: Tasks, results: Results) -> dict[str, Any]:
    """All figures of the tables."""
    models = [dict(_about(name, [result]), kind='row') for name, result in results.rows.items()]
    for model in tasks.file.models.values():
        found = list(results.by_model[model.key].values())
        if found:
            seeds = list(results.by_model[model.key])
            models.append(dict(_about(model.key, found), title=model.title, family=model.family, seeds=seeds,
                               kind='model', options=options_of(tasks.options(Task(model.key, seeds[0]))),
                               **_compared(model, results=results, seeds=seeds)))
    return dict(plan=tasks.file.name, models=models, notes=list(results.notes))


def _about(name: str, found: Sequence[Result]) -> dict[str, Any]:
    first = found[0]
    over_seeds = {figure: _range([result['figures'].get(figure) for result in found]) for figure in HEADINGS}
    seconds = [result['seconds'] for result in found if result.get('seconds')]
    return dict(model=name, title=first.get('title', name), family=first.get('family', ''), figures=over_seeds,
                parameters=first.get('parameters'), macs=first.get('macs'), epochs=first.get('epochs'),
                iterations=first.get('iterations'), seconds=float(np.mean(seconds)) if seconds else None)


def _range(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return dict(mean=None, low=None, high=None)
    return dict(mean=float(np.mean(known)), low=min(known), high=max(known))


def _compared(model: Model, *, results: Results, seeds: Sequence[int]) -> dict[str, Any]:
    """Gains over the baseline, gaps closed to the teacher, and gains over rivals, over the seeds that both have."""
    if model.baseline is None:
        return {}
    found = _gain(model.key, model.baseline, results=results, seeds=seeds)
    if model.rivals:
        found['rivals'] = [_gain(model.key, rival, results=results, seeds=seeds) for rival in model.rivals]
    if model.teacher is None:
        return found
    names = model.baseline, model.key, model.teacher
    for figure in found['gain']:
        one, other, far = (results.estimate(name, figure, found['seeds_of_gain']) for name in names)
        if one is not None and other is not None and far is not None:
            found.setdefault('gap_closed', {})[figure] = asdict(gap(one, other, teacher=far))
    return found


def _gain(key: str, other: str, *, results: Results, seeds: Sequence[int]) -> dict[str, Any]:
    """Of a model over another one."""
    both = [seed for seed in seeds if seed in results.by_model[other]]
    gains = {}
    for figure in COMPARED if both else ():
        before, after = (results.estimate(name, figure, both) for name in (other, key))
        if before is not None and after is not None:
            gains[figure] = asdict(gain(before, after))
    return dict(baseline=other, gain=gains, seeds_of_gain=both)


def markdown(summary: Mapping[str, Any], *, command: str = '') -> str:
    """The tables with what their columns mean."""
    models = summary['models']
    parts = [f'# {plain(summary["plan"])}', figures_table(models).markdown()]
    gains = gains_table(models, {model['model']: model['title'] for model in models})
    if gains.rows:
        parts += [gains.markdown(), (
            f'In brackets behind gains and gaps is the range that holds {100 * CONFIDENCE:.0f} % of {DRAWS:,} draws of '
            'the validation images with replacement, the same for every model, of the means over the seeds that both '
            'have. Gap closed is (student - baseline) / (teacher - baseline).')]
    parts.insert(2, 'In percent, mean over the seeds with the lowest and the highest. Seconds are those of the '
                 'iterations of one training, without validations.')
    parts += [f'Note: {plain(note)}.' for note in summary['notes']]
    return '\n\n'.join([*parts, *([f'Command: {code(command)}.'] if command else [])]) + '\n'


def figures_table(models: Sequence[Mapping[str, Any]]) -> Table:
    """Figures and cost of models of :func:`summarise`."""
    rows = [[model['title'], model['family'] or ABSENT, str(len(model['seeds'])) if 'seeds' in model else ABSENT,
             *(spread(model['figures'][name]) for name in COMPARED), _units(model['parameters']),
             _units(model['macs']), _whole(model['epochs']), _whole(model['seconds'])] for model in models]
    return Table(['model', 'family', 'seeds', *(HEADINGS[name] for name in COMPARED), 'params', 'MACs', 'epochs',
                  'seconds'], rows)


def gains_table(models: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Table:
    """Gains over baselines and rivals and gaps closed of those models of :func:`summarise` that have them.

    Args:
        models: with and without a gain.
        titles: key -> title of all models and baselines.
    """
    pairs = [dict(one, model=model['model']) for model in models for one in (model, *model.get('rivals', ()))]
    compared = [pair for pair in pairs if pair.get('gain')]
    with_gap = any('gap_closed' in pair for pair in compared)
    rows = [[f'{titles[pair["model"]]} against {titles[pair["baseline"]]}', str(len(pair['seeds_of_gain'])),
             *(gained(pair['gain'][name]) if name in pair['gain'] else ABSENT for name in COMPARED),
             *((_closed(pair, name) for name in COMPARED) if with_gap else ())] for pair in compared]
    gaps = [f'gap closed, {HEADINGS[name]}' for name in COMPARED] if with_gap else []
    return Table(['gain of', 'seeds', *(HEADINGS[name] for name in COMPARED), *gaps], rows)


def _closed(pair: Mapping[str, Any], name: str) -> str:
    gaps = pair.get('gap_closed', {})
    return closed(gaps[name]) if name in gaps else ABSENT


def _units(value: float | None) -> str:
    return ABSENT if value is None else in_units(value)


def _whole(value: float | None) -> str:
    return ABSENT if value is None else f'{value:,.0f}'
