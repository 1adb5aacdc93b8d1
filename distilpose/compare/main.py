"""Comparison of trainings: plans, budgets, trainings, evaluation, export, and the files about them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distilpose.checkpoints.integrity import sha256_of
from distilpose.checkpoints.writing import write_atomically
from distilpose.distillation.teacher_report import FILE, read_report
from distilpose.distillation.teachers.onnx.graph import read_properties
from distilpose.errors import DistilPoseError
from distilpose.inference.loading import load_model
from distilpose.report import Table
from distilpose.report.metrics import ABSENT, in_percent

from .budget import check_budgets
from .formatting import markdown
from .history import read_history
from .measure import Measured, Validation, is_comparable, measure, validation_metrics
from .page import Texts, render, render_runs
from .pictures import Pictures, choose_evenly, choose_worst, heatmap_pairs, person_panels
from .plans import Plan, Request, make_plans
from .runs import Around, Run, train_or_read
from .summary import Comparison, summarise

WORST, EVENLY, HEATMAPS = 8, 6, 4
Log = Callable[[Plan, int, str], None]


@dataclass(frozen=True)
class Presentation:
    """What a preset has otherwise than ``distilpose compare``."""

    texts: Texts = field(default_factory=Texts)
    facts: Mapping[str, str] = field(default_factory=dict)
    speed: bool = False
    """Time forward passes."""
    even: bool = False
    """Draw people at even distances through the data and heatmaps, instead of the worst people."""


def compare(request: Request) -> None:
    """Trains what is not trained yet, measures everything, prints the table and writes ``compare.{json,md,html}``.

    Raises:
        DistilPoseError: for what cannot be compared, before anything is trained where that is possible.
    """
    queue = Queue.of(request)
    runs = queue.train(_log)
    for run in runs:
        if run.plan.title in request.exports:
            export_run(run, log=_print)
    if queue.validations:
        table = write(queue.measure(runs, log=_log), queue, presentation=Presentation())[1]
    else:
        table = write_metrics(runs, request)
    print(f'\n{table}\nPage: {request.file(".html")}', flush=True)


def compare_runs(work_dirs: Sequence[Path], *, out: Path, command: str = '') -> Path:
    """Writes ``runs.html``, a page of the logs of work directories, finished or running; returns the file.

    Raises:
        DistilPoseError: a work directory has no logs.
    """
    page = render_runs(work_dirs, command=command)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / 'runs.html', page)
    return out / 'runs.html'


@dataclass
class Queue:
    """The trainings of a comparison, checked before the first of them starts."""

    request: Request
    plans: Sequence[Plan]
    validations: Mapping[str, Validation]
    """Role -> its validation people; empty where models have evaluators other than ``CocoMetric``."""
    notes: list[str]

    @classmethod
    def of(cls, request: Request) -> Queue:
        """Reads configs and data.

        Raises:
            DistilPoseError: what cannot be compared.
        """
        check_seeds(request.seeds)
        plans, notes = make_plans(request)
        notes += check_budgets(plans)
        _check_exports(request, plans)
        is_other = bool(request.models) and not all(is_comparable(plan.cfg) for plan in plans)
        return cls(request, plans, {} if is_other else read_validations(plans), notes)

    def train(self, log: Log, *, around: Around | None = None) -> list[Run]:
        """Trains what is not trained yet; see :func:`~distilpose.compare.runs.train_or_read`."""
        found: list[Run] = []
        for seed in self.request.seeds:
            runs, notes = train_or_read(self.plans, seed, request=self.request, log=log, around=around)
            found += runs
            self.notes += notes
        return found

    def measure(self, runs: Sequence[Run], *, log: Log, presentation: Presentation | None = None) -> Comparison:
        """Evaluates all runs on the same people."""
        presentation = presentation or Presentation()
        measured: dict[int, dict[str, Measured]] = {}
        for run in runs:
            found = measure(run, self.validations[run.plan.role], speed=presentation.speed)
            measured.setdefault(run.seed, {})[run.plan.role] = found
            log(run.plan, run.seed, f'AP {in_percent(found.evaluation.figures["ap"])}')
        return Comparison(self.plans, measured, self.validations['baseline'].keypoint_names, self.notes,
                          self.request.command, presentation.facts)


def write(comparison: Comparison, queue: Queue, *, presentation: Presentation) -> tuple[dict[str, Any], str]:
    """Writes the summary as JSON, the tables as Markdown and the page; returns the first two."""
    request = queue.request
    request.destination.mkdir(parents=True, exist_ok=True)
    summary = summarise(comparison)
    table = markdown(summary)
    write_atomically(request.file('.json'), json.dumps(summary, indent=2, allow_nan=False) + '\n')
    write_atomically(request.file('.md'), table)
    first = comparison.first
    role = 'distilled' if 'distilled' in first else list(first)[-1]
    page = render(summary, histories={name: read_history(found.run.folder) for name, found in first.items()},
                  pictures=_draw(comparison, queue.validations[role], role=role, even=presentation.even),
                  teacher=read_report(first[role].run.folder / FILE), texts=presentation.texts)
    write_atomically(request.file('.html'), page)
    return summary, table


def write_metrics(runs: Sequence[Run], request: Request) -> str:
    """Writes metrics of the configs' own evaluators, such as those of the whole body, and the page of the logs.

    Returns:
        The table as Markdown.
    """
    with tempfile.TemporaryDirectory() as folder:
        metrics = [validation_metrics(run, folder) for run in runs]
    names = list(dict.fromkeys(name for found in metrics for name in found))
    rows = [[run.plan.title, str(run.seed), *(f'{found[name]:.4g}' if name in found else ABSENT for name in names)]
            for run, found in zip(runs, metrics, strict=True)]
    table = Table(['model', 'seed', *names], rows).markdown() + '\n'
    entries = [dict(role=run.plan.role, seed=run.seed, title=run.plan.title, metrics=found)
               for run, found in zip(runs, metrics, strict=True)]
    request.destination.mkdir(parents=True, exist_ok=True)
    write_atomically(request.file('.json'), json.dumps(dict(command=request.command, runs=entries), indent=2) + '\n')
    write_atomically(request.file('.md'), table)
    write_atomically(request.file('.html'), render_runs([run.folder for run in runs], command=request.command))
    return table


def export_run(run: Run, *, log: Callable[[str], None]) -> Path:
    """Exports the model of a training to ``<role>.onnx`` in its folder, unless the file there is of its checkpoint."""
    from distilpose.export.onnx import export

    file = run.folder / f'{run.plan.role}.onnx'
    if file.is_file() and _exported_checkpoint(file) == sha256_of(run.checkpoint):
        log(f'Seed {run.seed}, {run.plan.title}: exported before, {file}.')
    else:
        log(str(export(run.cfg, run.checkpoint, file)))
    return file


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuses what are no seeds.

    Raises:
        DistilPoseError: names them.
    """
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise DistilPoseError(f'the seeds are {list(seeds)}; expected one or more different numbers that are not '
                              'negative')


def read_validations(plans: Sequence[Plan]) -> dict[str, Validation]:
    """Role -> its validation people.

    Raises:
        DistilPoseError: they are not the same people for all.
    """
    validations = {plan.role: Validation.of(plan.cfg, name=plan.config) for plan in plans}
    for plan in plans:
        validations['baseline'].check_same(validations[plan.role], name=plan.config)
    return validations


def _check_exports(request: Request, plans: Sequence[Plan]) -> None:
    names = [plan.title for plan in plans]
    for name in request.exports:
        if name not in names:
            raise DistilPoseError(f'--export {name!r} is none of the models; expected one of '
                                  f'{", ".join(map(repr, names))}')


def _exported_checkpoint(file: Path) -> str | None:
    """The SHA-256 of the checkpoint that an ONNX file was exported from, ``None`` where its metadata has none."""
    try:
        return json.loads(read_properties(file)['distilpose.checkpoint'])['sha256']
    except (DistilPoseError, KeyError, TypeError, ValueError):
        return None


def _draw(comparison: Comparison, validation: Validation, *, role: str, even: bool) -> Pictures:
    people, dataset, first = validation.people, validation.dataset, comparison.first
    evaluations = {name: first[name].evaluation for name in ('baseline', 'distilled', 'teacher') if name in first}
    if even:
        chosen = choose_evenly(people, EVENLY)
    else:
        chosen = choose_worst(first[role].evaluation.oks, people, WORST) if 'distilled' in first else []
    heatmaps = []
    if even:
        teacher, student = (load_model(first[name].run.cfg, first[name].run.checkpoint)
                            for name in ('teacher', 'distilled'))
        heatmaps = heatmap_pairs(chosen[:HEATMAPS], dataset, people=people, teacher=teacher, student=student)
    return Pictures(person_panels(chosen, dataset, people=people, evaluations=evaluations),
                    [(int(start), int(end)) for start, end in dataset.metainfo['skeleton_links']],
                    comparison.keypoint_names, heatmaps)


def _log(plan: Plan, seed: int, text: str) -> None:
    _print(f'Seed {seed}, {plan.title}: {text}.')


def _print(line: str) -> None:
    print(line, flush=True)
