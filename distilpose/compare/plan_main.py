"""A plan file from its check to its tables: ``distilpose compare --plan``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilpose.engine.work_dir import check_writable
from distilpose.engine.work_dir_lock import locked
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.processor import usable_cores

from .durations import describe, estimate_durations
from .measure import Validation
from .plan_file import PlanFile
from .plan_queue import TrainingQueue, log
from .plan_table import write_table
from .plan_tasks import Task, Tasks
from .teacher_rows import check_teachers, teacher_rows


@dataclass(frozen=True)
class PlanRequest:
    """Options of ``distilpose compare --plan``."""

    file: PlanFile
    work_dir: Path
    data_root: str | None = None
    jobs: int = 1
    """Trainings at a time."""
    only: Sequence[str] = ()
    """Keys of models, by default all."""
    is_estimate: bool = False
    """Print the estimate and stop."""
    command: str = ''


def run_plan(request: PlanRequest) -> None:
    """Trains what is left of a plan, writes a result file for each training and the tables of all.

    Raises:
        DistilPoseError: the plan cannot be carried out, before anything is trained.
        RunFailed: trainings failed; the others were made.
        KeyboardInterrupt: stopped by a signal; the trainings that ran have saved.
    """
    tasks = Tasks(request.file, request.work_dir, request.data_root)
    _check(request)
    for note in tasks.check():
        log(f'Note: {note}.')
    waiting = left(tasks, only=request.only)
    _check_validations(tasks, waiting)
    of_teachers: dict[str, Any] = dict(results=request.file.results, options=request.file.options,
                                       data_root=request.data_root)
    check_teachers(request.file.teachers, **of_teachers)
    check_writable(request.file.results, name='--results')
    threads = max(1, usable_cores() // request.jobs) if request.jobs > 1 and 'OMP_NUM_THREADS' not in os.environ \
        else None
    if waiting:
        log(describe(estimate_durations(tasks, waiting, threads=threads), jobs=request.jobs))
    if request.is_estimate:
        return
    teacher_rows(request.file.teachers, plan=request.file.name, log=log, **of_teachers)
    try:
        with locked(request.work_dir):
            failed = TrainingQueue(tasks, waiting, threads=threads).run(jobs=request.jobs)
    finally:
        table = write_table(tasks, command=request.command)
    log(f'\n{table}Tables: {request.file.results / "table.md"}')
    if failed:
        words = '; '.join(f'{task}: {reason}' for task, reason in failed.items())
        raise RunFailed(f'{len(failed)} trainings of the plan have no result. {words}')


def _check(request: PlanRequest) -> None:
    for key in request.only:
        if key not in request.file.models:
            raise DistilPoseError(f'--only {key} is none of the models of {request.file.source}; expected some of '
                                  f'{", ".join(request.file.models)}')


def _check_validations(tasks: Tasks, waiting: Sequence[Task]) -> None:
    """Looks whether all models are measured on the same people, also those that are done, if some are left.

    Raises:
        DistilPoseError: they are not, or by something else than one ``CocoMetric``.
    """
    plans = {task.model: tasks.plan(task) for task in tasks.in_order if task.trial is None} if waiting else {}
    first: Validation | None = None
    for plan in plans.values():
        found = Validation.of(plan.cfg, name=f'{plan.title!r} ({plan.config})')
        first = first or found
        first.check_same(found, name=f'{plan.title!r} ({plan.config})')


def left(tasks: Tasks, *, only: Sequence[str] = ()) -> list[Task]:
    """The trainings that are not done, in order; also those that are done and whose checkpoints are needed and gone.

    Args:
        tasks: of the plan.
        only: keys of models; of these and what they need.
    """
    order = tasks.in_order
    found = {task for task in order if (not only or task.model in only) and not is_done(tasks, task)}
    queue = list(found)
    while queue:
        for needed in tasks.waits_for(queue.pop()):
            if needed not in found and not _is_there(tasks, needed):
                found.add(needed)
                queue.append(needed)
    return [task for task in order if task in found]


def _is_there(tasks: Tasks, task: Task) -> bool:
    """Whether there is what other trainings need of this one."""
    if task.trial is not None:
        return is_done(tasks, task)
    return tasks.chosen(tasks.file.models[task.model]) is not None and tasks.checkpoint(task) is not None


def is_done(tasks: Tasks, task: Task) -> bool:
    """Whether the result of a training is there."""
    if task.trial is not None:
        return task.trial in tasks.trial_values(tasks.file.models[task.model])
    return tasks.result(task) is not None
