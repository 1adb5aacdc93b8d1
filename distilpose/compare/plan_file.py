"""Plan files: many trainings as one Python config, with seeds, dependencies and a search of options."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distilpose.config import project_path, read_config
from distilpose.config.option_names import did_you_mean
from distilpose.errors import DistilPoseError

from .plans import REFERENCE
from .results import check_plain
from .teacher_rows import TeacherRow, read_teachers

_ENTRIES = ('name', 'results', 'seeds', 'options', 'models', 'teachers', 'search', 'fast')
_OF_A_MODEL = ('title', 'family', 'config', 'options', 'search', 'seeds', 'baseline', 'rivals', 'teacher')
_OF_A_SEARCH = ('seed', 'options', 'metric')
_OTHER_FILES = r'table|cost|.*_search|.*_seed\d+'
_ANY: Any = object


@dataclass(frozen=True)
class Search:
    """What the trials of all models have in common."""

    seed: int
    options: Mapping[str, Any]
    """Dotted key -> value, put into the config of every trial."""
    metric: str
    """By which the best trial is chosen, the higher the better; as the evaluator names it, such as ``'PCK'``."""


@dataclass(frozen=True)
class Model:
    """One model of a plan, which is trained once for each of its seeds."""

    key: str
    """In the plan file, and the name of its folders and files; ``@KEY`` in an option of another model is its last
    checkpoint."""
    title: str
    family: str
    config: str
    options: Mapping[str, Any]
    """Those of the plan and its own, dotted key -> value."""
    seeds: Sequence[int]
    trials: Sequence[Mapping[str, Any]] = ()
    """Options to choose from."""
    baseline: str | None = None
    """Key of the model that its gain is against."""
    rivals: Sequence[str] = ()
    """Keys of further models that it is compared with."""
    teacher: str | None = None
    """Name of the row of figures, or key of the model, that a gap is closed to."""

    @property
    def needs(self) -> set[str]:
        """Keys of the models whose checkpoints its options name."""
        return {name for options in (self.options, *self.trials) for name in names_of_trainings(options)}


@dataclass(frozen=True)
class PlanFile:
    """A plan as it was read."""

    source: str
    name: str
    results: Path
    """Folder of the result files."""
    seeds: Sequence[int]
    models: Mapping[str, Model]
    search: Search | None = None
    fast: str | None = None
    """Of every training, as ``distilpose train --fast``."""
    teachers: Mapping[str, TeacherRow] = field(default_factory=dict)
    """ONNX files that are measured on the same people."""
    options: Mapping[str, Any] = field(default_factory=dict)

    def seed_of(self, model: Model, seed: int) -> int:
        """The seed of the training of ``model`` that trainings of this seed start from or learn from.

        Raises:
            DistilPoseError: it is not trained with this seed, and with several others.
        """
        if seed in model.seeds:
            return seed
        if len(model.seeds) == 1:
            return model.seeds[0]
        raise DistilPoseError(f'{self.source}: a training of seed {seed} needs the checkpoint of {model.key!r}, which '
                              f'has the seeds {list(model.seeds)}; add the seed there, or give it one seed for all')


def names_of_trainings(options: Mapping[str, Any]) -> set[str]:
    """Keys of the models whose checkpoints options name."""
    return {value.removeprefix(REFERENCE) for value in options.values()
            if isinstance(value, str) and value.startswith(REFERENCE)}


def read_plan_file(path: str | Path, *, options: Mapping[str, Any] | None = None,
                   results: str | Path | None = None) -> PlanFile:
    """Reads a plan file and checks what can be known without the configs that it names.

    Args:
        path: a config that is named as any other, with the entries ``name``, ``models`` and perhaps ``results``,
            ``seeds``, ``options``, ``teachers``, ``search`` and ``fast``; names that begin with an underscore are
            its own.
        options: dotted key -> value, put into every config after those of the plan.
        results: folder of the result files, instead of the plan's.

    Raises:
        DistilPoseError: an entry is unknown, missing or of another kind, a model is named that there is not, a search
            has no trials, or a model's name is none of a folder.
    """
    source = str(path)
    entries = {key: value for key, value in read_config(path).to_dict().items() if not key.startswith('_')}
    _check_names(entries, _ENTRIES, where=source)
    name = _take(entries, 'name', str, where=source)
    seeds = _seeds(entries.get('seeds', [0]), where=source)
    shared = _take(entries, 'options', dict, where=source, default={})
    found = _take(entries, 'models', dict, where=source)
    if not found:
        raise DistilPoseError(f'{source}: models is empty; expected KEY=dict(config=...) for every model')
    models = {key: _model(key, values, source=source, shared=shared, last=options or {}, seeds=seeds)
              for key, values in found.items()}
    folder = results or _take(entries, 'results', str, where=source, default=f'docs/benchmarks/results/{name}')
    plan = PlanFile(source, name, project_path(folder), seeds, models, _search(entries, source=source),
                    _take(entries, 'fast', str, where=source, default=None),
                    _teachers(entries, source=source, models=models), {**shared, **(options or {})})
    _check_references(plan)
    return plan


def _model(key: str, values: Any, *, source: str, shared: Mapping[str, Any], last: Mapping[str, Any],
           seeds: Sequence[int]) -> Model:
    where = f'{source}: models.{key}'
    if not re.fullmatch('[a-z0-9_]+', key):  # so that no two models share a folder, on any file system
        raise DistilPoseError(f'{where} is the name of a folder; expected small letters, digits and underscores')
    if not isinstance(values, dict):
        raise DistilPoseError(f'{where} is {values!r}; expected a dictionary with its config')
    _check_names(values, _OF_A_MODEL, where=where)
    trials = _take(values, 'search', (list, tuple), where=where, default=())
    if 'search' in values and not trials:
        raise DistilPoseError(f'{where}.search has no trials; expected a list of dictionaries of options, or no search')
    for trial in trials:
        if not isinstance(trial, dict):
            raise DistilPoseError(f'{where}.search has a trial {trial!r}; expected a dictionary of options')
    return Model(
        key, _take(values, 'title', str, where=where, default=key.replace('_', ' ')),
        _take(values, 'family', str, where=where, default=''), _take(values, 'config', str, where=where),
        {**shared, **_take(values, 'options', dict, where=where, default={}), **last},
        _seeds(values.get('seeds', seeds), where=where), trials,
        _take(values, 'baseline', str, where=where, default=None),
        _take(values, 'rivals', (list, tuple), where=where, default=()),
        _take(values, 'teacher', str, where=where, default=None))


def _search(entries: Mapping[str, Any], *, source: str) -> Search | None:
    searched = [key for key, values in entries['models'].items() if values.get('search')]
    if 'search' not in entries:
        if searched:
            raise DistilPoseError(f'{source}: models.{searched[0]} has a search, and the plan does not say how trials '
                                  "are trained; add search=dict(seed=0, options={...}, metric='...')")
        return None
    where = f'{source}: search'
    values = _take(entries, 'search', dict, where=source)
    _check_names(values, _OF_A_SEARCH, where=where)
    if not searched:
        raise DistilPoseError(f'{where} has no trials, since no model has a search; add search=[{{...}}, ...] to the '
                              'models that are searched')
    seed = _seeds([values.get('seed', 0)], where=where)[0]
    return Search(seed, _take(values, 'options', dict, where=where, default={}),
                  _take(values, 'metric', str, where=where))


def _teachers(entries: Mapping[str, Any], *, source: str, models: Mapping[str, Model]) -> dict[str, TeacherRow]:
    found = read_teachers(_take(entries, 'teachers', dict, where=source, default={}), source=source)
    for key in found:
        if key in models or not re.fullmatch('[a-z0-9_]+', key):
            raise DistilPoseError(f'{source}: teachers.{key} is the name of a result file; expected small letters, '
                                  'digits and underscores, and none of the models')
        if re.fullmatch(_OTHER_FILES, key):
            raise DistilPoseError(f'{source}: teachers.{key} would have the result file {key}.json, which is one of '
                                  'tables, costs, a search or a training; give it another name')
    return found


def _check_references(plan: PlanFile) -> None:
    """Looks whether all models that are named are there, with the seeds that others need, and options are plain."""
    for model in plan.models.values():
        where = f'{plan.source}: models.{model.key}'
        searched = plan.search.options if plan.search and model.trials else {}
        for options in (model.options, *model.trials, searched):
            check_plain(options, where=where)
        if model.rivals and model.baseline is None:
            raise DistilPoseError(f'{where} has rivals and no baseline; name the model that its gain is against as the '
                                  'baseline')
        for entry, name in (('baseline', model.baseline), *(('rivals', rival) for rival in model.rivals)):
            if name is not None and name not in plan.models:
                raise DistilPoseError(f'{where}.{entry} names {name!r}, which is none of the models'
                                      f'{_close(name, plan.models)}; expected one of {", ".join(plan.models)}')
        rows = {**plan.models, **plan.teachers}
        if model.teacher is not None and model.teacher not in rows:
            raise DistilPoseError(f'{where}.teacher is {model.teacher!r}, which is none of the models and teachers'
                                  f'{_close(model.teacher, rows)}; expected one of {", ".join(rows)}')
        for name in model.needs | names_of_trainings(searched):
            if name not in plan.models:
                raise DistilPoseError(f'{where} needs the checkpoint of {name!r}, which is none of the models'
                                      f'{_close(name, plan.models)}; expected one of {", ".join(plan.models)}')
            for seed in _seeds_of_trainings(model, plan):
                plan.seed_of(plan.models[name], seed)


def _seeds_of_trainings(model: Model, plan: PlanFile) -> Iterator[int]:
    yield from model.seeds
    if model.trials and plan.search is not None:
        yield plan.search.seed


def _check_names(values: Mapping[str, Any], known: Sequence[str], *, where: str) -> None:
    for name in values:
        if name not in known:
            raise DistilPoseError(f'{where} has an entry {name!r} that nothing reads{_close(name, known)}; expected '
                                  f'some of {", ".join(known)}')


def _close(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    return did_you_mean(difflib.get_close_matches(name, list(known), n=1))


def _take(values: Mapping[str, Any], name: str, kind: type | tuple[type, ...], *, where: str,
          default: Any = _ANY) -> Any:
    """An entry of this kind, or the default where there is one."""
    if name not in values:
        if default is _ANY:
            raise DistilPoseError(f'{where} has no {name}; add it')
        return default
    if not isinstance(values[name], kind):
        kinds = ' or '.join(entry.__name__ for entry in (kind if isinstance(kind, tuple) else (kind, )))
        raise DistilPoseError(f'{where}: {name} is {values[name]!r:.60}; expected a value of type {kinds}')
    return values[name]


def _seeds(values: Any, *, where: str) -> list[int]:
    is_right = isinstance(values, (list, tuple)) and values and all(
        type(value) is int and value >= 0 for value in values) and len(set(values)) == len(values)
    if not is_right:
        raise DistilPoseError(f'{where}: the seeds are {values!r}; expected a list of different whole numbers that are '
                              'not negative')
    return list(values)
