"""Options of a run that is resumed: its schedule, repeated up to where it continues."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from torch import nn

from distilpose.engine.resuming.optimizer import Position, has_other_groups, use_own_options

LENGTH = 4
WARM_UP = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5)
SCHEDULES: dict[str, list[dict[str, Any]]] = {
    'steps': [WARM_UP, dict(type='MultiStepLR', milestones=[1, 2], by_epoch=True)],
    'cosine': [WARM_UP, dict(type='CosineAnnealingLR', T_max=9, begin=2, eta_min=1e-3, by_epoch=False)],
    'cycle': [dict(type='OneCycleLR', eta_max=0.5, total_steps=20, by_epoch=False)],
    'momentum': [dict(type='MultiStepMomentum', milestones=[1], gamma=0.5, by_epoch=True), WARM_UP],
}


def build(schedule: list[dict[str, Any]], *, lr: float, groups: int = 1) -> Any:
    layers = [nn.Linear(1, 1) for _ in range(groups)]
    parameters = [dict(params=list(layer.parameters()), lr=lr * (1 + number % 2))
                  for number, layer in enumerate(layers)]
    wrapper = OptimWrapper(torch.optim.SGD(parameters, lr=lr, momentum=0.9))
    schedulers = [PARAM_SCHEDULERS.build(entry, default_args=dict(optimizer=wrapper)) for entry in schedule]
    return SimpleNamespace(optim_wrapper=wrapper, param_schedulers=schedulers)


def train(runner: Any, *, iterations: int) -> dict[str, Any]:
    """Steps as mmengine's hook does; returns a checkpoint."""
    runner.optim_wrapper.optimizer.step()
    for iteration in range(1, iterations + 1):
        for by_epoch in (False, True):
            if not by_epoch or iteration % LENGTH == 0:
                for scheduler in runner.param_schedulers:
                    if scheduler.by_epoch == by_epoch:
                        scheduler.step(*[{'loss': 1.0}] * getattr(scheduler, 'need_val_args', False))
    return dict(optimizer=runner.optim_wrapper.state_dict(),
                param_schedulers=[scheduler.state_dict() for scheduler in runner.param_schedulers])


@pytest.mark.parametrize('groups', [1, 5])
@pytest.mark.parametrize('iterations', [3, 4, 10])
@pytest.mark.parametrize('name', SCHEDULES)
def test_another_rate_is_that_of_a_whole_run(name: str, iterations: int, groups: int) -> None:
    expected = train(build(SCHEDULES[name], lr=0.3, groups=groups), iterations=iterations)
    checkpoint = train(build(SCHEDULES[name], lr=0.1, groups=groups), iterations=iterations)
    said = use_own_options(build(SCHEDULES[name], lr=0.3, groups=groups), checkpoint,
                           Position(iterations // LENGTH, iterations, LENGTH))
    for one, other in zip(checkpoint['optimizer']['param_groups'], expected['optimizer']['param_groups'], strict=True):
        assert one == other
    assert checkpoint['param_schedulers'] == expected['param_schedulers']
    assert any('initial_lr' in text or 'eta' in text for text in said) or name == 'cycle'


def test_the_same_options_leave_a_checkpoint_as_it_is() -> None:
    checkpoint = train(build(SCHEDULES['cosine'], lr=0.1, groups=3), iterations=7)
    before = repr(checkpoint)
    assert use_own_options(build(SCHEDULES['cosine'], lr=0.1, groups=3), checkpoint, Position(1, 7, LENGTH)) == []
    assert repr(checkpoint) == before


def test_what_a_hook_has_changed_is_kept_unless_options_may_differ() -> None:
    checkpoint = train(build([], lr=0.1), iterations=4)
    checkpoint['optimizer']['param_groups'][0]['weight_decay'] = 0.5
    assert use_own_options(build([], lr=0.1), checkpoint, Position(1, 4, LENGTH), may_differ=False) == []
    assert use_own_options(build([], lr=0.2), checkpoint, Position(1, 4, LENGTH)) == [
        'lr 0.1 -> 0.2', 'weight_decay 0.5 -> 0']


def test_schedules_that_wait_for_figures_keep_their_ratio() -> None:
    plateau = [dict(type='ReduceOnPlateauLR', monitor='loss', patience=0, factor=0.5)]
    checkpoint = train(build(plateau, lr=0.1), iterations=3 * LENGTH)
    reduced = checkpoint['optimizer']['param_groups'][0]['lr']
    assert reduced < 0.1
    use_own_options(build(plateau, lr=0.4), checkpoint, Position(3, 3 * LENGTH, LENGTH))
    assert checkpoint['optimizer']['param_groups'][0]['lr'] == pytest.approx(4 * reduced)
    assert checkpoint['param_schedulers'][0]['last_step'] > 0


def test_an_optimizer_that_starts_anew_gets_the_scheduled_rate() -> None:
    runner, checkpoint = build(SCHEDULES['steps'], lr=0.1), dict(param_schedulers=[])
    use_own_options(runner, checkpoint, Position(2, 8, LENGTH))
    assert runner.optim_wrapper.optimizer.param_groups[0]['lr'] == pytest.approx(0.001)
    assert len(checkpoint['param_schedulers']) == 2


def test_other_groups_are_seen() -> None:
    saved = build([], lr=0.1, groups=2).optim_wrapper.state_dict()
    assert has_other_groups(build([], lr=0.1, groups=3), saved)
    assert not has_other_groups(build([], lr=0.1, groups=2), saved)
