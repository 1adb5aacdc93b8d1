"""A small plan on the data set of ``tests/engine/tiny.py``, and results that were not trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from distilpose.compare.plan_file import PlanFile, read_plan_file
from distilpose.compare.plan_tasks import Task, Tasks
from distilpose.compare.results import write_json
from tests.engine import tiny

RATE = 'optim_wrapper.optimizer.lr'
_PLAN = """
name = 'tiny'
seeds = [0, 1]
_folder = {folder!r}
models = dict(
    teacher=dict(title='the teacher', config=_folder + '/teacher.py', seeds=[0]),
    alone=dict(config=_folder + '/student.py', search=[{{{rate!r}: 1e-2}}, {{{rate!r}: 1e-7}}]),
    distilled=dict(config=_folder + '/distillation.py', baseline='alone', teacher='teacher',
                   options={{'model.teacher.checkpoint': '@teacher'}}))
search = dict(seed=0, metric='PCK', options={{
    'train_cfg.max_epochs': 1, 'val_evaluator': dict(_delete_=True, type='PCKAccuracy', thr=0.1)}})
"""


def write_plan(folder: Path, extra: str = '') -> Path:
    """A teacher of one seed, a student whose learning rate is searched, and its distillation."""
    tiny.write_distillation(folder, tiny.write_data(folder / 'data'))
    file = folder / 'plan.py'
    file.write_text(_PLAN.format(folder=str(folder), rate=RATE) + extra)
    return file


def read_plan(folder: Path, **options: Any) -> PlanFile:
    """The plan of :func:`write_plan` with its results in ``folder/results``."""
    return read_plan_file(folder / 'plan.py', results=folder / 'results', options=options)


def make_tasks(folder: Path, **options: Any) -> Tasks:
    """Those of the plan of :func:`write_plan`."""
    return Tasks(read_plan(folder, **options), folder / 'work')


def write_result(tasks: Tasks, task: Task, *, ap: float, **values: Any) -> None:
    """A result as a training of this plan leaves it; the draws lie around the figure, the same for every model."""
    draws = (ap + np.linspace(-0.1, 0.1, 41)).tolist()
    model = tasks.file.models[task.model]
    write_json(tasks.result_file(task), dict(
        plan='tiny', model=task.model, title=model.title, family='', seed=task.seed,
        figures=dict(ap=ap, ap50=ap, ap75=ap, mean_oks=ap, pck=ap), draws=dict(pck=draws, ap=draws, mean_oks=draws),
        parameters=1000, macs=2000, epochs=2, iterations=6, seconds=3.0, settings=tasks.settings(task)) | values)


def write_search(tasks: Tasks, *values: float | None) -> None:
    """Trials of the student with these values."""
    for index, value in enumerate(values):
        tasks.add_trial(Task('alone', 0, index), dict(value=value))
