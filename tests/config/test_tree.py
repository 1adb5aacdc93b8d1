"""What the checks see of a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config import CHECKS, ConfigTree, check, checks, tree
from distilpose.errors import DistilPoseError

PIPELINE = [dict(type=kind) for kind in ('LoadImage', 'GetBBoxCenterScale', 'TopdownAffine', 'PackPoseInputs')]


def config() -> Config:
    parts = [dict(type='CocoDataset'), dict(type='QuickCocoDataset')]
    loader = dict(batch_size=2, dataset=dict(type='CombinedDataset', datasets=parts),
                  sampler=dict(type='DefaultSampler'))
    return Config(dict(model=dict(type='TopdownPoseEstimator'), train_dataloader=loader,
                       train_dataloader_of_another=dict(type='CocoDataset')))


def test_nodes_are_found_by_path_and_type() -> None:
    found = ConfigTree(config())
    assert [path for path, _ in found.below('train_dataloader')] == [
        'train_dataloader', 'train_dataloader.dataset', 'train_dataloader.dataset.datasets[0]',
        'train_dataloader.dataset.datasets[1]', 'train_dataloader.sampler']
    assert [path for path, _ in found.of_type('QuickCocoDataset', 'train_dataloader')] == [
        'train_dataloader.dataset.datasets[1]']
    assert found.nodes[0][0] == '' and found.below('nowhere') == []


def test_a_config_without_a_model_has_an_empty_one() -> None:
    found = ConfigTree(Config(dict(a=1)))
    assert (found.model, found.student, found.is_distillation) == ({}, {}, False)


def test_all_checks_share_one_walk_and_one_student(monkeypatch: pytest.MonkeyPatch) -> None:
    walks, students = [], []
    walk, student = tree.dictionaries, tree.read_model_source

    def count_walk(node: Mapping[str, Any], path: str) -> Any:
        walks.append(path)
        return walk(node, path)

    monkeypatch.setattr(tree, 'dictionaries', count_walk)
    monkeypatch.setattr(tree, 'read_model_source', lambda spec: students.append(spec) or student(spec))
    cfg = config()
    cfg.train_dataloader.dataset = dict(type='CocoDataset', pipeline=PIPELINE)
    cfg.model = dict(type='PoseDistiller', student=dict(head=dict(loss=dict(type='KeypointMSELoss'))),
                     teacher=dict(config='teacher.py'), terms={})
    check(cfg, ['train'])
    assert (walks, len(students)) == ([''], 1)


def test_a_new_check_is_a_line_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(found: ConfigTree) -> None:
        raise DistilPoseError(f'{found.loaders} {found.model["type"]}')

    monkeypatch.setattr(checks, 'CHECKS', (refuse, *CHECKS))
    with pytest.raises(DistilPoseError, match=r"\('train',\) TopdownPoseEstimator"):
        check(config(), ['train'])
