"""Queue of trainings: which run at a time, and which are there already."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from mmengine.config import Config

from distilpose.compare.plans import Plan
from distilpose.compare.runs import _groups, check_stored, what_decides
from distilpose.distillation.crop_pipelines import add_teacher_crops
from distilpose.engine.launch import load_and_change
from distilpose.errors import DistilPoseError
from tests.engine import tiny


def plan(role: str, *needs: str) -> Plan:
    return Plan(role, role, 'T.py', {}, Config(), {f'{name}.checkpoint': name for name in needs})


def test_groups_have_no_plan_that_needs_another_of_them() -> None:
    plans = [plan('teacher'), plan('baseline'), plan('distilled', 'teacher'), plan('variant', 'teacher'),
             plan('second', 'variant')]
    roles = [[one.role for one in group] for group in _groups(plans, size=2)]
    assert roles == [['teacher', 'baseline'], ['distilled', 'variant'], ['second']]
    assert [[one.role for one in group] for group in _groups(plans, size=1)] == [[one.role] for one in plans]



def test_a_training_with_a_teachers_own_crop_is_recognised(tmp_path: Path) -> None:
    """Its checkpoint stores pipelines that cut the crop, which the config of the comparison does not have."""
    _, config = tiny.write_distillation(tmp_path, tiny.write_data(tmp_path / 'data'))
    cfg = load_and_change(str(config), options={'model.teacher.crop': 'own'})[0]
    trained = copy.deepcopy(cfg)
    add_teacher_crops(trained)
    assert trained.train_dataloader != cfg.train_dataloader
    meta = dict(cfg=trained.pretty_text, seed=0)
    check_stored(meta, cfg, source='here', seed=0)
    cfg.model.teacher.padding = 2.0
    with pytest.raises(DistilPoseError, match=r'model\.teacher\.padding is absent there and 2\.0 here'):
        check_stored(meta, cfg, source='here', seed=0)


def test_light_weight_data_are_no_other_training() -> None:
    plain, light = ([dict(type=kind, ann_file='a.json')] for kind in ('CocoDataset', 'QuickCocoDataset'))
    first, second = (what_decides(dict(model={}, train_dataloader=dict(dataset=dict(datasets=one))), Config())
                     for one in (plain, light))
    assert first == second
    assert first != what_decides(dict(model={}, train_dataloader=dict(dataset=dict(datasets=[]))), Config())
