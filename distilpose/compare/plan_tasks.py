"""Trainings of a plan: the config of each, what it needs, and what is there of it already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distilpose.checkpoints import load_file
from distilpose.config.differences import read_literals
from distilpose.engine.default_hooks import change_hook
from distilpose.engine.fingerprints import digest
from distilpose.engine.launch import load_and_change
from distilpose.engine.resuming.checkpoint_search import newest_whole_checkpoint
from distilpose.errors import DistilPoseError

from .plan_file import Model, PlanFile, names_of_trainings
from .plans import Plan, Request, in_order, make_plan
from .results import check_settings, read_json, settings_of, write_json
from .runs import Job, at, check_stored, is_final


@dataclass(frozen=True)
class Task:
    """A training of a plan: of a model with a seed, or a trial of its search."""

    model: str
    seed: int
    trial: int | None = None

    def __str__(self) -> str:
        """As it is printed."""
        return f'{self.model}, ' + (f'seed {self.seed}' if self.trial is None else f'trial {self.trial + 1}')


@dataclass
class Tasks:
    """All trainings of a plan file.

    Args:
        file: the plan.
        work_dir: of all trainings.
        data_root: folder of the data, instead of that of the configs.
    """

    file: PlanFile
    work_dir: Path
    data_root: str | None = None
    _plans: dict[Task, Plan] = field(default_factory=dict)
    _own_settings: dict[Task, dict[str, Any]] = field(default_factory=dict)
    _settings: dict[Task, dict[str, Any]] = field(default_factory=dict)
    _of_searches: dict[str, dict[str, Any]] = field(default_factory=dict)
    _chosen: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def in_order(self) -> list[Task]:
        """All of them, seed by seed, the models as the plan names them, the trials of a model before it."""
        seeds = dict.fromkeys([*self.file.seeds, *(seed for model in self.file.models.values()
                                                   for seed in model.seeds)])
        found = []
        for seed in seeds:
            for model in self.file.models.values():
                if seed in model.seeds:
                    found += [*self.trials(model), Task(model.key, seed)]
        return list(dict.fromkeys(found))

    def trials(self, model: Model) -> list[Task]:
        """Of the search of a model."""
        if self.file.search is None:
            return []
        return [Task(model.key, self.file.search.seed, index) for index in range(len(model.trials))]

    def check(self) -> list[str]:
        """Reads all configs; returns their warnings.

        Raises:
            DistilPoseError: a config cannot be read or changed as the plan says, or trainings need each other.
        """
        notes: list[str] = []
        plans = []
        for model in self.file.models.values():
            plan, warnings = self._read(model, model.options)
            searched = self.file.search.options if self.file.search and model.trials else {}
            plans.append(replace(plan, needs={name: name for name in model.needs | names_of_trainings(searched)}))
            notes += warnings
            for task in self.trials(model) if self.chosen(model) is None else ():
                self.plan(task)
        in_order(plans)
        return list(dict.fromkeys(notes))

    def plan(self, task: Task) -> Plan:
        """The config of a training; one whose search has not ended yet lacks what is chosen."""
        model = self.file.models[task.model]
        if task not in self._plans:
            plan = self._read(model, self.options(task))[0]
            if task.trial is None and self.chosen(model) is None:
                return plan
            self._plans[task] = plan
            if task.trial is None:  # now, since files may be edited while others train
                self._own_settings[task] = self._settings_of(plan)
            else:
                self._settings_of_search(model)
        return self._plans[task]

    def options(self, task: Task) -> dict[str, Any]:
        """All that the plan puts into the config of a training."""
        model, search = self.file.models[task.model], self.file.search
        if task.trial is not None and search is not None:
            return {**model.options, **search.options, **model.trials[task.trial]}
        return {**model.options, **(self.chosen(model) or {})}

    def needs(self, task: Task) -> dict[str, Task]:
        """Dotted key of the config -> the training whose checkpoint is put there."""
        return {key: Task(name, self.file.seed_of(self.file.models[name], task.seed))
                for key, name in self.plan(task).needs.items()}

    def waits_for(self, task: Task) -> list[Task]:
        """All trainings that have to end before it begins."""
        model = self.file.models[task.model]
        is_searched = task.trial is None and self.chosen(model) is None
        return list(dict.fromkeys([*(self.trials(model) if is_searched else ()), *self.needs(task).values()]))

    def folder(self, task: Task) -> Path:
        """The work directory of a training."""
        if task.trial is not None:
            return self.work_dir / 'search' / task.model / f'trial_{task.trial + 1}'
        return self.work_dir / f'seed_{task.seed}' / task.model

    def result_file(self, task: Task) -> Path:
        """The file with the figures of a model and a seed."""
        return self.file.results / f'{task.model}_seed{task.seed}.json'

    def job(self, task: Task) -> Job:
        """What is to be trained, with the checkpoints of the trainings that it needs.

        Raises:
            DistilPoseError: one of them is not there, or all trials of the search failed.
        """
        plan, model = self.plan(task), self.file.models[task.model]
        if task.trial is None and self.chosen(model) is None:
            raise DistilPoseError(f'no trial of {task.model} has a value, so that no options can be chosen; change its '
                                  'search in the plan')
        checkpoints = {}
        for needed in self.needs(task).values():
            found = self.checkpoint(needed)
            if found is None:
                raise DistilPoseError(f'{task} needs the checkpoint of {needed}, and {self.folder(needed)} has none of '
                                      'its end')
            checkpoints[needed.model] = found
        cfg = plan.config_for(checkpoints)
        hooks = cfg.get('default_hooks') or {}
        if hooks.get('teacher_report', {}) is not None:  # not turned off
            change_hook(cfg, 'teacher_report', shared=str(self.work_dir / 'teacher_reports'))
        return Job(plan, cfg, self.folder(task), task.seed, True)

    def checkpoint(self, task: Task) -> Path | None:
        """The last checkpoint of a finished training, ``None`` where there is none.

        Raises:
            DistilPoseError: its folder holds a training of another config or seed.
        """
        plan, folder = self.plan(task), self.folder(task)
        found, _ = newest_whole_checkpoint(folder)
        if found is None or not is_final(found, plan.cfg):
            return None
        meta = load_file(found)['meta']
        stored = read_literals(str(meta['cfg']))
        used = {role: at(stored, key) for key, role in plan.needs.items()}  # which may be gone since
        check_stored(meta, plan.config_for(used), source=f'{folder} ({task})', seed=task.seed)
        return found

    def settings(self, task: Task) -> dict[str, Any]:
        """What decides about the weights and figures of a training, see :func:`~.results.settings_of`."""
        if task in self._settings:
            return self._settings[task]
        plan = self.plan(task)
        found = dict(self._own_settings.get(task) or self._settings_of(plan))
        found['needs'] = {key: f'{needed.model}, {digest(self.settings(needed))}'
                          for key, needed in self.needs(task).items()}
        if task in self._plans:
            self._settings[task] = found
        return found

    def _settings_of(self, plan: Plan) -> dict[str, Any]:
        cfg, _ = load_and_change(plan.config, options={**plan.options, **dict.fromkeys(plan.needs)},
                                 data_root=self.data_root, fast='off')
        return settings_of(cfg, fast=plan.cfg.get('fast', 'off'))

    def result(self, task: Task) -> dict[str, Any] | None:
        """The result of a model and a seed, ``None`` where there is none, or where its search has not ended.

        Raises:
            DistilPoseError: it was made from something else.
        """
        file = self.result_file(task)
        if not file.is_file() or any(self.chosen(self.file.models[name]) is None for name in self._all_needed(task)):
            return None
        found = read_json(file)
        check_settings(found, self.settings(task), file=file)
        return found

    def _all_needed(self, task: Task) -> Iterator[str]:
        yield task.model
        for needed in self.needs(task).values():
            yield from self._all_needed(needed)

    def search_file(self, model: Model) -> Path:
        """The file with the trials of a model."""
        return self.file.results / f'{model.key}_search.json'

    def trial_values(self, model: Model) -> dict[int, dict[str, Any]]:
        """Index of a trial -> what is known of it.

        Raises:
            DistilPoseError: the trials were made from something else.
        """
        file, search = self.search_file(model), self.file.search
        if search is None or not file.is_file():
            return {}
        stored = read_json(file, needed=('metric', 'trials', 'settings'))
        if stored['metric'] != search.metric:
            raise DistilPoseError(f'{file} has the values of {stored["metric"]}, and the plan chooses by '
                                  f'{search.metric}; restore the plan, or move the file away to search again')
        check_settings(stored, self._settings_of_search(model), file=file)
        by_options = {digest(entry['options']): entry for entry in stored['trials']}
        return {index: by_options[digest(dict(trial))] for index, trial in enumerate(model.trials)
                if digest(dict(trial)) in by_options}

    def chosen(self, model: Model) -> dict[str, Any] | None:
        """The options of the best trial; none for a model without a search; ``None`` where there is no best one yet."""
        if not model.trials:
            return {}
        if model.key not in self._chosen:
            best = best_trial(self.trial_values(model), number=len(model.trials))
            if best is None:
                return None
            self._chosen[model.key] = dict(model.trials[best])
        return self._chosen[model.key]

    def add_trial(self, task: Task, found: Mapping[str, Any]) -> None:
        """Writes what a trial gave into the file of the search; at the last one what is chosen, too."""
        model, search = self.file.models[task.model], self.file.search
        if task.trial is None or search is None:
            return
        values = {**self.trial_values(model), task.trial: dict(options=model.trials[task.trial], **found)}
        best = best_trial(values, number=len(model.trials))
        write_json(self.search_file(model), dict(
            plan=self.file.name, model=model.key, metric=search.metric, seed=search.seed,
            trials=[values[index] for index in sorted(values)],
            chosen=None if best is None else model.trials[best],
            settings=self._settings_of_search(model)), indent=1)

    def _settings_of_search(self, model: Model) -> dict[str, Any]:
        if model.key not in self._of_searches:
            options = {**model.options, **(self.file.search.options if self.file.search else {})}
            self._of_searches[model.key] = self._settings_of(self._read(model, options)[0])
        return self._of_searches[model.key]

    def _read(self, model: Model, options: Mapping[str, Any]) -> tuple[Plan, list[str]]:
        request = Request(work_dir=self.work_dir, data_root=self.data_root, fast=self.file.fast)
        return make_plan(request, model.key, model.config, title=model.title, options=options)


def best_trial(values: Mapping[int, Mapping[str, Any]], *, number: int) -> int | None:
    """The index of the trial with the highest value, the first of equal ones; ``None`` where some are not there yet.

    Args:
        values: index of a trial -> what is known of it; the value of one that failed is ``None``.
        number: of all trials.
    """
    worked = [index for index in sorted(values) if values[index]['value'] is not None]
    return max(worked, key=lambda index: values[index]['value']) if worked and len(values) == number else None
