"""Estimate of a plan: iterations of every training, seconds of each, and hours in all, before anything is trained."""

from __future__ import annotations

import contextlib
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from distilpose.checkpoints import load_file
from distilpose.config import student_config
from distilpose.config.models import build_estimator
from distilpose.engine import train
from distilpose.engine.resuming.checkpoint_search import newest_whole_checkpoint
from distilpose.report import Table

from .budget import count_samples
from .history import read_history
from .own_process import OwnProcess
from .plan_tasks import Task, Tasks
from .results import is_of_this_machine, read_json, training_seconds
from .runs import import_modules

_ITERATIONS, _WARM_UP = 20, 5


class _Measured(KeyboardInterrupt):
    """Ends a training after some iterations."""


@HOOKS.register_module()
class IterationTimeHook(Hook):
    """Times the first iterations of a training and ends it, as a signal does but without a checkpoint.

    Args:
        file: gets the seconds of each iteration.
        iterations: after which the training ends.
    """

    priority = 'LOWEST'

    def __init__(self, file: str, iterations: int = _ITERATIONS) -> None:
        self.file, self.iterations = Path(file), iterations
        self._ends: list[float] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Notes the time; ends the training at the last one."""
        self._ends.append(time.monotonic())
        if len(self._ends) == self.iterations:
            self._write()
            raise _Measured

    def after_train(self, runner: Runner) -> None:
        """Of a training that is shorter."""
        self._write()

    def _write(self) -> None:
        seconds = [end - start for start, end in zip(self._ends, self._ends[1:], strict=False)]
        kept = seconds[_WARM_UP:] or seconds
        self.file.write_text(str(statistics.mean(kept)) if kept else '', encoding='utf-8')


@dataclass(frozen=True)
class Duration:
    """How long the trainings of one model that are left take."""

    title: str
    trainings: int
    iterations: int
    """Of all of them."""
    seconds: float | None
    """Of one iteration."""
    source: str

    @property
    def hours(self) -> float:
        """Of all of them, zero where it is not known."""
        return self.iterations * (self.seconds or 0) / 3600


def estimate_durations(tasks: Tasks, waiting: Sequence[Task], *, threads: int | None) -> list[Duration]:
    """Iterations and seconds of the trainings that are left, a model at a time.

    Seconds are those of results or logs of the same model on such a machine, else of a short run.

    Args:
        tasks: of the plan.
        waiting: those that are left.
        threads: of a training, ``None`` for those of torch.
    """
    counted: dict[str, int] = {}
    found = []
    for key, model in tasks.file.models.items():
        mine = [task for task in waiting if task.model == key]
        if mine:
            iterations = sum(_iterations_left(tasks.plan(task).cfg, tasks.folder(task), counted) for task in mine)
            seconds, source = _known(tasks, key) or (_measure(tasks, mine[0], threads=threads), 'a short run')
            found.append(Duration(model.title, len(mine), iterations, seconds, source))
    return found


def describe(durations: Sequence[Duration], *, jobs: int) -> str:
    """The estimate as a table and a sentence."""
    rows = [[entry.title, str(entry.trainings), f'{entry.iterations:,}',
             'unknown' if entry.seconds is None else f'{entry.seconds:.3f}', f'{entry.hours:.2f}', entry.source]
            for entry in durations]
    table = Table(['model', 'trainings left', 'iterations', 's an iteration', 'hours', 'by'], rows).markdown()
    hours = sum(entry.hours for entry in durations)
    total = f'{hours:.2f} hours of training' + (f', {hours / jobs:.2f} with {jobs} at a time' if jobs > 1 else '')
    return f'{table}\n\nEstimate: {total}, without validations.'


def _iterations_left(cfg: Config, folder: Path, counted: dict[str, int]) -> int:
    """Of a training that may have begun in this folder."""
    epoch = 1
    if 'max_iters' not in cfg.train_cfg:
        samples = count_samples(cfg.train_dataloader.dataset.to_dict(), counted)
        epoch = math.ceil(samples / cfg.train_dataloader.batch_size)
    total = int(cfg.train_cfg.max_iters) if 'max_iters' in cfg.train_cfg else int(cfg.train_cfg.max_epochs) * epoch
    found, _ = newest_whole_checkpoint(folder)
    done = 0 if found is None else int(load_file(found)['meta']['iter'])
    return max(0, total - done)


def _known(tasks: Tasks, key: str) -> tuple[float, str] | None:
    """Seconds of an iteration, by results or logs."""
    model = tasks.file.models[key]
    mine = [Task(key, seed) for seed in model.seeds]
    for file in map(tasks.result_file, mine):
        found = read_json(file) if file.is_file() else {}
        if found.get('seconds') and found.get('iterations') and is_of_this_machine(found):
            return found['seconds'] / found['iterations'], 'a result'
    for trial in tasks.trial_values(model).values():
        if trial.get('seconds') and is_of_this_machine(trial):
            return trial['seconds'] / trial['iterations'], 'a trial'
    for folder in map(tasks.folder, [*mine, *tasks.trials(model)]):
        steps, seconds = read_history(folder).get('time'), training_seconds(folder)
        if steps is not None and seconds and steps.steps[-1] >= _ITERATIONS:  # the first ones take longer
            return seconds / int(steps.steps[-1]), 'a log'
    return None


def _measure(tasks: Tasks, task: Task, *, threads: int | None) -> float | None:
    """Seconds of an iteration, by a short run in a process of its own; ``None`` for less than two iterations."""
    plan = tasks.plan(task)
    others = {key: tasks.plan(needed).cfg for key, needed in tasks.needs(task).items()}
    folder = Path(tempfile.mkdtemp(prefix=f'distilpose_{task.model}_'))
    with OwnProcess(_time, plan.cfg, others, folder, threads, title=str(task), folder=folder,
                    show=lambda bar: None) as process:
        found = process.wait()
    shutil.rmtree(folder)  # else it has the log of what failed
    return found


def _time(cfg: Config, others: Mapping[str, Config], folder: Path, threads: int | None) -> float | None:
    """Trains for some iterations, from other trainings with random weights where these are not there yet."""
    if threads is not None:
        torch.set_num_threads(threads)
    for config in (cfg, *others.values()):
        import_modules(config)
    for index, (key, other) in enumerate(others.items()):
        weights = folder / f'random_{index}.pth'
        torch.save(dict(state_dict=build_estimator(student_config(other).model.to_dict()).state_dict()), weights)
        cfg.merge_from_dict({key: str(weights)})
    file = folder / 'seconds.txt'
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='IterationTimeHook', file=str(file))]
    with contextlib.suppress(_Measured):
        train(cfg, work_dir=folder / 'run', seed=0, validate=False)
    text = file.read_text(encoding='utf-8')
    return float(text) if text else None
