"""Any models side by side, trained alike, without a teacher among them; the first is the baseline of the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distilpose.checkpoints.writing import write_atomically
from distilpose.engine.launch import load_and_change
from distilpose.errors import DistilPoseError

from .budget import check_budgets
from .main import check_seeds, measure_all, read_validations, tell
from .plans import Plan, read_words, role_of
from .runs import Run, bring_to_its_end, check_lengths
from .summary import Comparison, summarise_models
from .words import markdown_of_models


@dataclass(frozen=True)
class ModelsRequest:
    """What is asked for on the command line."""

    models: Sequence[Sequence[str]]
    """Words of each: a name, a config, then ``key=value``."""
    work_dir: Path
    seeds: Sequence[int] = (0,)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key -> value, put into every config."""
    data_root: str | None = None
    command: str = ''


def compare_models(request: ModelsRequest) -> None:
    """Trains what is not trained yet, measures everything, prints the table and writes ``models.{json,md}``.

    Raises:
        DistilPoseError: for what cannot be compared, before anything is trained.
    """
    check_seeds(request.seeds)
    plans, notes = _make_plans(request)
    notes += check_budgets(plans)
    validations = read_validations(plans)
    names = validations['baseline'].dataset.metainfo['keypoint_id2name']
    measured = {seed: measure_all(_train_or_read(plans, seed, work_dir=request.work_dir), validations)
                for seed in request.seeds}
    summary = summarise_models(Comparison(plans, measured, [names[index] for index in range(len(names))], notes,
                                          request.command))
    table = markdown_of_models(summary)
    write_atomically(request.work_dir / 'models.json', json.dumps(summary, indent=2, allow_nan=False) + '\n')
    write_atomically(request.work_dir / 'models.md', table)
    print(f'\n{table}', flush=True)


def _make_plans(request: ModelsRequest) -> tuple[list[Plan], list[str]]:
    plans: list[Plan] = []
    notes: list[str] = []
    for words in request.models:
        name, config, options = read_words(words, flag='--model')
        if config is None:
            raise DistilPoseError(f'--model {name!r} has no config; expected --model NAME CFG [KEY=VALUE ...]')
        role = role_of(name, taken={plan.role: plan.title for plan in plans}, flag='--model') if plans else 'baseline'
        cfg, warnings = load_and_change(config, options={**request.options, **options}, data_root=request.data_root)
        plans.append(Plan(role, name, config, options, cfg, has_common_teacher=False))
        notes += warnings
    return plans, list(dict.fromkeys(notes))


def _train_or_read(plans: Sequence[Plan], seed: int, *, work_dir: Path) -> list[Run]:
    runs = []
    for plan in plans:
        run, state = bring_to_its_end(plan, plan.cfg, folder=work_dir / f'seed_{seed}' / plan.role, seed=seed)
        tell(f'Seed {seed}, {plan.title}: {state}.')
        runs.append(run)
    check_lengths(runs)
    return runs
