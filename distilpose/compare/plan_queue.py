"""Queue of the trainings of a plan: several at a time in processes of their own, resumed after a stop."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import torch

from distilpose.errors import DistilPoseError, NotFinite
from distilpose.progress import ProgressDisplay
from distilpose.report.metrics import in_percent, in_words

from .measure import Validation, measure, validation_metrics
from .own_process import OwnProcess
from .plan_table import write_table
from .plan_tasks import Task, Tasks
from .results import facts_of, figures_of, held_out, options_of, rounded, write_json
from .runs import Job
from .shared_progress import SharedDisplay

_SECONDS_BETWEEN_LOOKS = 0.2


class TrainingQueue:
    """Trainings that wait, each of which starts when those that it needs have ended.

    Args:
        tasks: of the plan.
        waiting: those to make, in order.
        threads: of each, ``None`` for those of torch.
    """

    def __init__(self, tasks: Tasks, waiting: Sequence[Task], *, threads: int | None) -> None:
        self.tasks, self.threads = tasks, threads
        self.waiting, self.failed = list(waiting), dict[Task, str]()
        self._running = dict[Task, tuple[OwnProcess, ExitStack, float]]()

    def run(self, *, jobs: int) -> dict[Task, str]:
        """Makes all trainings, ``jobs`` at a time; returns those that failed, and why."""
        with closing(SharedDisplay(ProgressDisplay.on_terminal())) as display:
            try:
                while self.waiting or self._running:
                    self._start_what_can(jobs, display)
                    for task in self._wait_for_ends():
                        self._end(task)
            finally:
                for process, _, _ in self._running.values():
                    process.stop()  # all of them at once, since each saves first
                for _, stack, _ in self._running.values():
                    stack.close()
        return self.failed

    def _start_what_can(self, jobs: int, display: SharedDisplay) -> None:
        for task in list(self.waiting):
            if len(self._running) >= jobs:
                return
            needed = self.tasks.waits_for(task)
            lost = [other for other in needed if other in self.failed]
            if lost:
                self._fail(task, f'it needs {lost[0]}')
            elif not any(other in self.waiting or other in self._running for other in needed):
                self.waiting.remove(task)
                self._start(task, display)

    def _wait_for_ends(self) -> list[Task]:
        """Those of the running trainings that ended, at least one; only then others can start."""
        while self._running:
            ended = [task for task, (process, _, _) in self._running.items() if not process.is_running]
            if ended:
                return ended
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return []

    def _start(self, task: Task, display: SharedDisplay) -> None:
        try:
            if task.trial is None and self._is_made(task):
                return
            job = self.tasks.job(task)
            action, arguments = self._work(task, job)
            stack = ExitStack()
            process = stack.enter_context(OwnProcess(action, *arguments, title=str(task), folder=job.folder,
                                                     show=display.show))
        except DistilPoseError as error:
            self._fail(task, str(error))
            return
        self._running[task] = process, stack, time.monotonic()
        log(f'{task}: begins, {len(self.waiting)} more wait.')

    def _is_made(self, task: Task) -> bool:
        """Whether the result is there, of a model whose search has just ended, and nothing needs its checkpoint."""
        return self.tasks.result(task) is not None and not any(
            task in self.tasks.waits_for(other) for other in self.waiting)

    def _work(self, task: Task, job: Job) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The function of the process and its arguments."""
        file, search = self.tasks.file, self.tasks.file.search
        if task.trial is not None and search is not None:
            return make_trial, (job, search.metric, self.threads)
        if self.tasks.result(task) is not None:
            return make_checkpoint, (job, self.threads)
        model = file.models[task.model]
        about = dict(plan=file.name, model=model.key, title=model.title, family=model.family, seed=task.seed,
                     config=model.config, options=options_of(self.tasks.options(task)))
        return make_result, (job, self.tasks.result_file(task), about, self.tasks.settings(task),
                             search.metric if search else None, self.threads)

    def _end(self, task: Task) -> None:
        process, stack, start = self._running.pop(task)
        with stack:
            try:
                found = process.wait()
            except DistilPoseError as error:
                if task.trial is None or not isinstance(error, NotFinite):
                    self._fail(task, str(error))
                    return
                found = dict(value=None, error=str(error))  # the options of this trial do not work
        if task.trial is not None:
            self.tasks.add_trial(task, found)
            text = f'{self.tasks.file.search.metric if self.tasks.file.search else ""} {found["value"]}'
        elif found is None:
            text = f'its checkpoint is there again, {self.tasks.result_file(task)} is as before'
        else:
            text = ', '.join(f'{name} {in_percent(found[key])}' for name, key in
                             (('AP', 'ap'), ('OKS', 'mean_oks'), ('PCK', 'pck')))
            write_table(self.tasks)
        log(f'{task}: {text}, after {in_words(time.monotonic() - start)}.')

    def _fail(self, task: Task, reason: str) -> None:
        if task in self.waiting:
            self.waiting.remove(task)
        self.failed[task] = reason
        log(f'{task}: failed: {reason}')


def make_result(job: Job, file: Path, about: Mapping[str, Any], settings: Mapping[str, Any], metric: str | None,
                threads: int | None) -> dict[str, float]:
    """Trains a model, evaluates it on its validation people and writes the result file; returns the figures.

    Args:
        job: the training.
        file: of the result.
        about: what is known of it from the plan.
        settings: what it is made from.
        metric: of the validations that are kept.
        threads: of torch, ``None`` to leave them.
    """
    _use_threads(threads)
    run, _ = job.bring_to_its_end()
    validation = Validation.of(run.cfg, name=run.plan.config)
    found = figures_of(measure(run, validation), validation.keypoint_names)
    write_json(file, dict(about, **found, **facts_of(run), held_out=held_out(run.folder, metric), settings=settings))
    return found['figures']


def make_checkpoint(job: Job, threads: int | None) -> None:
    """Trains a model whose result is there and whose checkpoint is gone; the result stays, since the same training may
    differ in its last digits on another processor.

    Args:
        job: the training.
        threads: of torch, ``None`` to leave them.
    """
    _use_threads(threads)
    job.bring_to_its_end()


def make_trial(job: Job, metric: str, threads: int | None) -> dict[str, Any]:
    """Trains with the options of a trial; returns its value by a metric of the config's own evaluator.

    Raises:
        DistilPoseError: the evaluator has no such metric.
    """
    _use_threads(threads)
    run, _ = job.bring_to_its_end()
    with tempfile.TemporaryDirectory() as folder:
        found = validation_metrics(run, folder)
    if metric not in found:
        raise DistilPoseError(f'search.metric is {metric!r}, and the evaluator of {run.plan.config} has '
                              f'{", ".join(found)}; name one of these')
    return dict(value=rounded(found[metric]), held_out=held_out(run.folder, metric), **facts_of(run))


def _use_threads(number: int | None) -> None:
    if number is not None:
        torch.set_num_threads(number)


def log(line: str) -> None:
    print(line, flush=True)
