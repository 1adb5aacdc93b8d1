"""Every plan in configs/plans/ can be carried out, and the results that are committed are those of its trainings."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.compare.plan_file import read_plan_file
from distilpose.compare.plan_tasks import Tasks
from distilpose.config import PROJECT_ROOT

PLANS = sorted(path.relative_to(PROJECT_ROOT) for path in (PROJECT_ROOT / 'configs/plans').glob('*.py'))


def test_plans_are_found() -> None:
    assert PLANS


@pytest.mark.parametrize('path', PLANS, ids=lambda path: path.stem)
def test_a_plan_can_be_carried_out(path: Path, tmp_path: Path) -> None:
    plan = read_plan_file(path)
    assert plan.name == path.stem and plan.results == PROJECT_ROOT / 'docs/benchmarks/results' / plan.name
    tasks = Tasks(plan, tmp_path)
    tasks.check()
    for task in tasks.in_order:
        if task.trial is None:
            tasks.result(task)  # raises where a result is of another training than the plan's
