"""Budgets of trainings (length, batch, data, schedule), which must be equal for students that are compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS

from distilpose.config import dictionaries, student_config
from distilpose.config.differences import differences
from distilpose.errors import DistilPoseError

from .plans import Plan, stages


def check_budgets(plans: Sequence[Plan]) -> list[str]:
    """Compares every student with the baseline; a teacher and other stages of a plan may have another budget.

    Args:
        plans: of all models.

    Returns:
        Notes on what else differs: the optimizer, the weights to start from, the budget of stages.

    Raises:
        DistilPoseError: a student has another budget than the baseline; names all that differs.
    """
    counted: dict[str, int] = {}
    baseline = next(plan for plan in plans if plan.role == 'baseline')
    expected, of_stages = budget(baseline.cfg, counted), stages(plans)
    notes = []
    for plan in plans:
        if plan.role in ('teacher', 'baseline'):
            continue
        found = list(differences(expected, budget(plan.cfg, counted)))
        if found and plan.role not in of_stages:
            words = '; '.join(f'{place} is {one} and {other}' for place, one, other in found)
            raise DistilPoseError(f'{baseline.title!r} ({baseline.config}) and {plan.title!r} ({plan.config}) are not '
                                  f'trained for the same budget: {words}. Make them equal, in the configs '
                                  'or with --cfg-options')
        notes += [f'{place} is {one} for {baseline.title!r} and {other} for {plan.title!r}'
                  for place, one, other in [*found, *differences(_conditions(baseline.cfg), _conditions(plan.cfg))]]
    return notes


def budget(cfg: Config, counted: dict[str, int] | None = None) -> dict[str, Any]:
    """Length, batch, data and schedule of a training.

    Args:
        cfg: of any model.
        counted: remembers how many samples a data set has.
    """
    train = cfg.train_cfg
    return dict(
        {key: train[key] for key in ('max_epochs', 'max_iters') if key in train},
        batch_size=cfg.train_dataloader.batch_size,
        accumulative_counts=cfg.optim_wrapper.get('accumulative_counts', 1),
        training_samples=count_samples(cfg.train_dataloader.dataset.to_dict(), {} if counted is None else counted),
        param_scheduler=cfg.to_dict().get('param_scheduler'))


def count_samples(dataset: dict[str, Any], counted: dict[str, int]) -> int:
    key = json.dumps({**dataset, 'pipeline': None}, sort_keys=True, default=str)
    if key not in counted:
        with DefaultScope.overwrite_default_scope('mmpose'):
            counted[key] = len(DATASETS.build(dataset))
    return counted[key]


def _conditions(cfg: Config) -> dict[str, Any]:
    """What may well differ between good trainings of two students, but should be known."""
    optimizer = {key: value for key, value in cfg.optim_wrapper.to_dict().items() if key != 'accumulative_counts'}
    named = [part.get('checkpoint') for _, part in dictionaries(student_config(cfg).model, '')]
    named += [cfg.get('load_from'), (cfg.model.get('student') or {}).get('checkpoint')]
    return dict(optim_wrapper=optimizer,
                starting_weights=sorted({'/'.join(Path(file).parts[-3:]) for file in named if file}))
