"""Shares of the gradient: right, and measured without a trace in the training."""

from __future__ import annotations

import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from distilpose.checkpoints import load_file
from distilpose.distillation import PoseDistiller
from distilpose.engine import train
from distilpose.engine.hooks import GradientShareHook
from distilpose.engine.hooks.gradient_share import gradient_norms, shares, untouched_generators
from tests.networks import batch, distiller

from .. import tiny

EMA = dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)
MEASURE = dict(type='GradientShareHook', interval=2)


@pytest.fixture
def configs(tmp_path: Path, tiny_data: Path) -> tuple[Path, Path]:
    return tiny.write_distillation(tmp_path, tiny_data)


def logged_shares(work_dir: Path) -> dict[int, dict[str, float]]:
    """Iteration -> loss -> share, as the log has them."""
    file = next(work_dir.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {line['step']: {name.removeprefix('grad_share/'): value for name, value in line.items()
                           if name.startswith('grad_share/')} for line in lines if 'loss' in line}


@pytest.mark.parametrize('amp', [False, True])
def test_the_training_is_the_same(configs: tuple[Path, Path], tmp_path: Path, amp: bool) -> None:
    hubs = {}
    for name, hooks in dict(without=[EMA], measured=[EMA, MEASURE]).items():
        runner = train(configs[1], work_dir=tmp_path / name, amp=amp, validate=False, options=dict(custom_hooks=hooks))
        hubs[name] = {key: buffer.data[0].tolist() for key, buffer in runner.message_hub.log_scalars.items()
                      if 'time' not in key}
    without, measured = (load_file(tmp_path / name / 'epoch_2.pth') for name in ('without', 'measured'))
    for key in ('state_dict', 'ema_state_dict'):
        assert without[key].keys() == measured[key].keys()
        assert all(torch.equal(value, measured[key][name]) for name, value in without[key].items())
    assert set(hubs['measured']) - set(hubs['without']) == {'train/grad_share/kpt',
                                                            'train/grad_share/simulated_heatmap'}
    assert all(values == hubs['measured'][key] for key, values in hubs['without'].items())
    assert len(hubs['measured']['train/grad_share/kpt']) == 4  # iterations 1, 2, 4 and 6 of 6


def test_shares_are_logged_and_sum_to_one(configs: tuple[Path, Path], tmp_path: Path) -> None:
    train(configs[1], work_dir=tmp_path / 'run', validate=False, options=dict(custom_hooks=[MEASURE]))
    logged = logged_shares(tmp_path / 'run')
    assert list(logged) == [1, 2, 3, 4, 5, 6]
    for values in logged.values():
        assert set(values) == {'kpt', 'simulated_heatmap'}
        assert sum(values.values()) == pytest.approx(1, abs=1e-6) and min(values.values()) > 0
    assert logged[2] != logged[1] and logged[3] == logged[2]  # the last measurement stands until the next


@pytest.mark.parametrize('option, expected', [
    ({'model.terms.simulated_heatmap.weight': 0.0}, dict(kpt=1.0, simulated_heatmap=0.0)),
    ({'model.task_weight': 0.0}, dict(simulated_heatmap=1.0)),
])
def test_one_loss_alone_has_it_all(configs: tuple[Path, Path], tmp_path: Path, option: dict[str, Any],
                                   expected: dict[str, float]) -> None:
    train(configs[1], work_dir=tmp_path / 'run', validate=False, options=dict(custom_hooks=[MEASURE], **option))
    assert set(map(str, logged_shares(tmp_path / 'run').values())) == {str(expected)}


def test_a_model_without_a_teacher_is_left_alone(configs: tuple[Path, Path], tmp_path: Path) -> None:
    runner = train(configs[0], work_dir=tmp_path / 'run', validate=False, options=dict(custom_hooks=[MEASURE]))
    assert not [name for name in runner.message_hub.log_scalars if 'grad_share' in name]


def raw_batch() -> dict[str, Any]:
    images, samples = batch()
    return dict(inputs=list((40 * images + 120).clamp(0, 255).to(torch.uint8)), data_samples=samples)


def optim_wrapper(model: nn.Module) -> OptimWrapper:
    return OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))


def norms_by_hand(model: PoseDistiller, data_batch: dict[str, Any]) -> dict[str, float]:
    """The same by ``backward``, one loss at a time, which leaves traces in the model."""
    norms = {}
    data = model.data_preprocessor(data_batch, True)
    losses = {name: value for name, value in model(**data, mode='loss').items() if 'loss' in name}
    for name, value in losses.items():
        model.zero_grad()
        value.backward(retain_graph=True)
        grads = [weight.grad for weight in model.parameters() if weight.grad is not None]
        norms[name.removeprefix('loss_')] = float(torch.cat([grad.flatten() for grad in grads]).norm())
    return norms


def test_norms_are_those_of_backward_and_leave_no_trace() -> None:
    model = distiller().train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    expected_draw = torch.rand(3)
    torch.manual_seed(3)
    norms = gradient_norms(model, raw_batch(), optim_wrapper=optim_wrapper(model))
    assert torch.equal(torch.rand(3), expected_draw)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert set(norms) == {'kpt', 'visual_tokens', 'keypoint_tokens', 'simulated_heatmap', 'score'}
    torch.manual_seed(3)
    assert norms == pytest.approx(norms_by_hand(model, raw_batch()), rel=1e-5)


def test_frozen_weights_do_not_count() -> None:
    model = distiller().train()
    everything = gradient_norms(model, raw_batch(), optim_wrapper=optim_wrapper(model))
    model.backbone.requires_grad_(False)
    without = gradient_norms(model, raw_batch(), optim_wrapper=optim_wrapper(model))
    assert all(0 < without[name] < norm for name, norm in everything.items())


def test_a_wrapped_model_is_measured() -> None:
    model = distiller().train()
    found: dict[str, float] = {}
    runner = SimpleNamespace(model=nn.DataParallel(model), iter=0, optim_wrapper=optim_wrapper(model),
                             message_hub=SimpleNamespace(update_scalar=found.__setitem__))
    GradientShareHook().before_train_iter(runner, 0, raw_batch())
    assert len(found) == 5 and sum(found.values()) == pytest.approx(1)


def test_losses_of_several_stages_count_as_one() -> None:
    class Stages(PoseDistiller):
        def loss(self, inputs: Any, data_samples: Any) -> dict[str, Any]:
            losses = super().loss(inputs, data_samples)
            return dict(loss_kpt=[losses['loss_kpt'], 2 * losses['loss_kpt']], acc_pose=losses['loss_score'])

    model = distiller().train()
    single = gradient_norms(model, raw_batch(), optim_wrapper=optim_wrapper(model))
    model.__class__ = Stages
    several = gradient_norms(model, raw_batch(), optim_wrapper=optim_wrapper(model))
    assert several == dict(kpt=pytest.approx(3 * single['kpt'], rel=1e-5))


@pytest.mark.parametrize('norms', [{}, dict(a=0.0, b=0.0), dict(a=1.0, b=float('inf')), dict(a=float('nan'))])
def test_no_gradient_and_an_overflow_have_no_shares(norms: dict[str, float]) -> None:
    assert shares(norms) == {}


def test_generators_go_on_where_they_were() -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    model = nn.Linear(1, 1)
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    expected = draw()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    with untouched_generators(model):
        draw()
    assert draw() == expected
