"""The sequence: configs, budgets, trainings, figures, and what is written about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from distilpose.checkpoints.writing import write_atomically
from distilpose.engine.teacher_report import FILE, read_report
from distilpose.errors import DistilPoseError
from distilpose.evaluation import People, person_panels
from distilpose.report.figures import in_percent

from .budget import check_budgets
from .history import read_history
from .measure import Measured, Validation, measure
from .page import Pictures, render
from .plans import Plan, Request, make_plans
from .runs import Run, train_or_read
from .summary import Comparison, summarise
from .words import markdown

WORST = 8


def compare(request: Request) -> None:
    """Trains what is not trained yet, measures everything, prints the table and writes ``compare.{json,md,html}``.

    Raises:
        DistilPoseError: for what cannot be compared, before anything is trained where that is possible.
    """
    check_seeds(request.seeds)
    plans, notes = make_plans(request)
    notes += check_budgets(plans)
    validations = read_validations(plans)
    measured: dict[int, dict[str, Measured]] = {}
    for seed in request.seeds:
        runs, more = train_or_read(plans, seed, work_dir=request.work_dir, tell=tell)
        notes += more
        measured[seed] = measure_all(runs, validations)
    names = validations['baseline'].dataset.metainfo['keypoint_id2name']
    _write(Comparison(plans, measured, [names[index] for index in range(len(names))], notes, request.command),
           validations['distilled'], out=request.out)


def tell(line: str) -> None:
    """Prints what is being done."""
    print(line, flush=True)


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuses what are no seeds.

    Raises:
        DistilPoseError: says which they are.
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


def measure_all(runs: Sequence[Run], validations: Mapping[str, Validation]) -> dict[str, Measured]:
    """Role -> what its model of one seed is worth."""
    measured = {}
    for run in runs:
        found = measured[run.plan.role] = measure(run, validations[run.plan.role])
        tell(f'Seed {run.seed}, {run.plan.title}: AP {in_percent(found.evaluation.figures["ap"])}.')
    return measured


def _write(comparison: Comparison, validation: Validation, *, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    summary = summarise(comparison)
    table = markdown(summary)
    write_atomically(out / 'compare.json', json.dumps(summary, indent=2, allow_nan=False) + '\n')
    write_atomically(out / 'compare.md', table)
    first = next(iter(comparison.measured.values()))
    histories = {role: read_history(found.run.folder) for role, found in first.items()}
    page = render(summary, histories=histories, pictures=_draw_worst(first, validation, comparison.keypoint_names),
                  teacher=read_report(first['distilled'].run.folder / FILE))
    write_atomically(out / 'compare.html', page)
    print(f'\n{table}\nPage: {out / "compare.html"}', flush=True)


def _draw_worst(measured: Mapping[str, Measured], validation: Validation, names: Sequence[str]) -> Pictures:
    evaluations = {role: measured[role].evaluation for role in ('baseline', 'distilled', 'teacher')}
    chosen = choose_worst(evaluations['distilled'].oks, validation.people, WORST)
    panels = person_panels(chosen, validation.dataset, people=validation.people, evaluations=evaluations)
    links = [(int(start), int(end)) for start, end in validation.dataset.metainfo['skeleton_links']]
    return Pictures(panels, links, names)


def choose_worst(oks: np.ndarray, people: People, count: int) -> list[int]:
    """People with the lowest similarity, the worst first, among those with half of their joints labelled if enough.

    Args:
        oks: (N,) NaN where nothing is labelled.
        people: ground truth.
        count: how many at most.
    """
    is_known = np.isfinite(oks)
    is_usable = is_known & (people.labelled.mean(axis=1) >= 0.5)
    usable = np.flatnonzero(is_usable if is_usable.sum() >= count else is_known)
    return usable[np.argsort(oks[usable], kind='stable')][:count].tolist()
