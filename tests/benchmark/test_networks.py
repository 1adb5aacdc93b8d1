"""Networks with random weights, and the multiply-adds of their training steps."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from distilpose.benchmark.networks import build_model, macs_of_a_step, with_a_teacher
from distilpose.complexity import ForwardPass, count_macs, count_macs_by_module
from tests import networks

IMAGE = torch.zeros(1, 3, *networks.INPUT_SIZE[::-1])


def config(checkpoint: str | None) -> Config:
    return Config(copy.deepcopy(dict(model=dict(
        type='PoseDistiller', student=networks.STUDENT, terms=networks.TERMS,
        teacher=dict(config=networks.TEACHER, checkpoint=checkpoint)))))


@pytest.mark.parametrize('checkpoint', ['teacher_chkpts/nobody_has_this.pth', None])
def test_a_teacher_without_a_file_gets_random_weights(checkpoint: str | None) -> None:
    cfg = config(checkpoint)
    with with_a_teacher(cfg) as (ready, (note,)):
        file = Path(ready.model.teacher.checkpoint)
        one, two = build_model(ready), build_model(ready)
    assert 'random weights' in note and not file.exists()
    assert cfg.model.teacher.checkpoint == checkpoint
    assert one.teacher.digest() == two.teacher.digest()
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())


def test_a_teachers_own_file_is_taken(tmp_path: Path) -> None:
    teacher = networks.teacher(seed=3)
    torch.save(dict(state_dict=teacher.model.state_dict()), tmp_path / 'teacher.pth')
    with with_a_teacher(config(str(tmp_path / 'teacher.pth'))) as (ready, notes):
        assert notes == [] and build_model(ready).teacher.digest() == teacher.digest()


def test_a_plain_model_needs_none() -> None:
    cfg = Config(dict(model=copy.deepcopy(networks.STUDENT)))
    with with_a_teacher(cfg) as (ready, notes):
        assert ready is cfg and notes == []


def test_a_step_is_three_passes_of_the_student_and_one_of_the_teacher() -> None:
    model = networks.distiller()
    student, teacher = (count_macs(ForwardPass(network), IMAGE) for network in (model.student, model.teacher.model))
    assert macs_of_a_step(model, IMAGE) == dict(student=3 * student, teacher=teacher)
    assert macs_of_a_step(model.student, IMAGE) == dict(student=3 * student, teacher=0)


def test_what_does_not_learn_runs_forward_only() -> None:
    model = networks.distiller(freeze=('backbone',))
    macs = count_macs_by_module(model.student, IMAGE)
    assert macs_of_a_step(model, IMAGE)['student'] == macs['backbone'] + 3 * macs['head']


def test_of_a_shared_backbone_the_teacher_adds_its_head() -> None:
    model = networks.distiller(share_backbone=True)
    macs, taught = (count_macs_by_module(network, IMAGE) for network in (model.student, model.teacher.model))
    assert macs_of_a_step(model, IMAGE) == dict(student=macs['backbone'] + 3 * macs['head'], teacher=taught['head'])
