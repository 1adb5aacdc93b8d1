"""Frozen modules; without a task loss, parameters that no term trains are frozen."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from distilpose.distillation import PoseDistiller
from distilpose.errors import DistilPoseError
from tests import rtmpose
from tests.networks import STUDENT, TERMS, batch, changed, distiller

RLE = changed(STUDENT, loss=dict(type='RLELoss', use_target_weight=True))
ONE_TERM = dict(visual_tokens=TERMS['visual_tokens'])


def frozen(model: PoseDistiller) -> set[str]:
    """Without the positions of tokens, which never learn."""
    return {name for name, weight in model.named_parameters()
            if not weight.requires_grad and name != 'head.encoder.position'}


def without_gradient(model: PoseDistiller, samples: Any) -> set[str]:
    """Names of the parameters for whose gradient DistributedDataParallel would wait."""
    losses = model.train()(*samples, mode='loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    return {name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None}


@pytest.mark.parametrize('student, terms', [(RLE, TERMS), (STUDENT, ONE_TERM), (RLE, ONE_TERM)],
                         ids=['rle', 'one_term', 'rle_one_term'])
def test_every_parameter_that_learns_has_a_gradient(student: dict, terms: dict) -> None:
    model = distiller(student, terms=terms, task_weight=0.0)
    assert frozen(model) and not without_gradient(model, batch())


def test_the_flow_of_rle_is_frozen_and_nothing_else() -> None:
    model = distiller(RLE, task_weight=0.0)
    flow = {f'head.loss_module.{name}' for name, _ in model.head.loss_module.named_parameters()}
    assert frozen(model) == flow != set()


def test_second_stage_trains_its_head() -> None:
    model = rtmpose.stage_2()
    assert {name.split('.')[0] for name in frozen(model)} == {'backbone'}
    assert not without_gradient(model, rtmpose.batch())


def test_a_task_loss_freezes_nothing() -> None:
    model = distiller(RLE, terms=ONE_TERM, task_weight=0.5)
    assert not frozen(model)


@pytest.mark.parametrize('options', [
    dict(terms={}), dict(terms=ONE_TERM, freeze=('backbone', 'head'))], ids=['no_term', 'all_frozen'])
def test_nothing_to_train_is_refused(options: dict) -> None:
    with pytest.raises(DistilPoseError, match='model.task_weight is 0 and no term of model.terms trains the student'):
        distiller(task_weight=0, **options)


def test_weights_and_buffers_start_as_with_a_task_loss() -> None:
    states = [distiller(task_weight=weight).state_dict() for weight in (0.0, 1.0)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_frozen_modules_of_any_student() -> None:
    model = distiller(freeze=('backbone', 'head.encoder'), init_from_teacher=('backbone',))
    expected = model.teacher.model.backbone.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.backbone.state_dict().items())
    model.train()
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained and all(name.startswith('head.') and 'encoder' not in name for name in trained)
    assert not model.backbone.training and not model.head.encoder.training and model.head.training
    with pytest.raises(DistilPoseError, match="freeze names 'neck'.*backbone, head"):
        distiller(freeze=('neck',))
