"""Queue of trainings: which run at a time."""

from __future__ import annotations

from mmengine.config import Config

from distilpose.compare.plans import Plan
from distilpose.compare.runs import _groups


def plan(role: str, *needs: str) -> Plan:
    return Plan(role, role, 'T.py', {}, Config(), {f'{name}.checkpoint': name for name in needs})


def test_groups_have_no_plan_that_needs_another_of_them() -> None:
    plans = [plan('teacher'), plan('baseline'), plan('distilled', 'teacher'), plan('variant', 'teacher'),
             plan('second', 'variant')]
    roles = [[one.role for one in group] for group in _groups(plans, size=2)]
    assert roles == [['teacher', 'baseline'], ['distilled', 'variant'], ['second']]
    assert [[one.role for one in group] for group in _groups(plans, size=1)] == [[one.role] for one in plans]

