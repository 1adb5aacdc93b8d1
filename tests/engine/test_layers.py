"""Trainings with terms that read layers: in a Runner, from a cache, resumed, and in two processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.runner import Runner

from distilpose.checkpoints import load_file
from distilpose.engine import train
from distilpose.errors import DistilPoseError

from . import tiny
from .processes import run_in_two_processes
from .tiny import logged_losses

TERMS = dict(
    stage=dict(type='FeatureTerm', student_layer='backbone.layers.2', teacher_layer='head.deconv_layers.0',
               weight=1e-3),
    stem=dict(type='FeatureTerm', student_layer='backbone.layers.0', teacher_layer='backbone.layers.0', weight=1e-3,
              schedule='linear_decay'),
    off=dict(type='FeatureTerm', student_layer='backbone.layers.1', teacher_layer='backbone', weight=0.0))
STEPS = 6


@pytest.fixture(scope='module')
def config(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_distillation(tmp_path_factory.mktemp('layers'), tiny_data)[1]


@pytest.fixture(autouse=True)
def unformatted_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))


def run(config: Path, work_dir: Path, *, resume: Path | None = None, terms: dict = TERMS, **more: Any) -> Runner:
    chosen = {'train_cfg.max_epochs': 2, 'log_processor.window_size': 1, 'model.terms': terms}
    chosen['custom_hooks'] = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]
    chosen |= {key.replace('__', '.'): value for key, value in more.items()}
    return train(config, work_dir=work_dir, validate=False, resume=None if resume is None else str(resume),
                 options=chosen)


def test_projectors_are_trained_and_a_resumed_training_goes_on_alike(config: Path, tmp_path: Path) -> None:
    model = run(config, tmp_path / 'whole').model
    assert model.terms['stage'].projector.weight.shape == (8, 16, 1, 1)
    first, last = (load_file(tmp_path / f'whole/epoch_{epoch}.pth')['state_dict'] for epoch in (1, 2))
    for name in ('distillation.stage.projector.weight', 'distillation.stage.projector.bias'):
        assert not torch.equal(first[name], last[name])
    assert torch.equal(first['distillation.off.projector.weight'], last['distillation.off.projector.weight'])
    run(config, tmp_path / 'parts', resume=tmp_path / 'whole/epoch_1.pth')
    whole, parts = logged_losses(tmp_path / 'whole'), logged_losses(tmp_path / 'parts')
    assert len(whole) == STEPS and parts == {step: whole[step] for step in (4, 5, 6)}


def test_a_cache_keeps_layers(config: Path, tmp_path: Path) -> None:
    cache = dict(default_hooks__teacher_cache__folder=str(tmp_path / 'cache'),
                 default_hooks__teacher_cache__variants=1)
    exact = dict(cache, default_hooks__teacher_cache__dtype='float32')
    run(config, tmp_path / 'filled', **exact)
    log = Path(run(config, tmp_path / 'read', **exact).logger.log_file).read_text()
    assert 'run on 0 of' in log
    assert logged_losses(tmp_path / 'filled') == logged_losses(tmp_path / 'read')
    with pytest.raises(DistilPoseError, match='also keeps the layers head.deconv_layers.0, which no term reads'):
        run(config, tmp_path / 'less', terms=dict(TERMS, stage=None), **exact)


def test_layers_of_a_crop_of_its_own_are_refused(config: Path, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match="term 'stage' reads layers of the teacher, which cannot be mapped from a "
                                              "crop of its own to the student's"):
        run(config, tmp_path, model__teacher__crop='own')


_TWO_PROCESSES = """
import copy
import json
import sys
import mmengine.config.config
import torch
import torch.distributed as dist
from distilpose.engine import train
from mmengine.model import MMDistributedDataParallel
from tests.networks import batch, distiller
mmengine.config.config.FormatCode = lambda text, **_: (text, True)  # as the fixture unformatted_configs
config, folder, options = sys.argv[1:]
runner = train(config, work_dir=folder, validate=False, launcher='pytorch', options=json.loads(options))
rank = dist.get_rank()
for weight in runner.model.parameters():
    both = [torch.zeros_like(weight) for _ in range(2)]
    dist.all_gather(both, weight.detach())
    assert torch.equal(*both)

one, two = (dict(type='FeatureTerm', student_layer=name, teacher_layer='backbone.layer1')
            for name in ('backbone.layer1.0.bn3', 'backbone.layer1.0.conv1'))
for weights in ((0.3, 0.2), (0.3, 0.0)):
    terms = dict(one=dict(one, weight=weights[0]), two=dict(two, weight=weights[1]))
    plain = distiller(terms=terms, task_weight=0.0).eval()
    wrapped = MMDistributedDataParallel(module=copy.deepcopy(plain))
    images, samples = batch()
    for _ in range(2):  # the second pass finds parameters that the first one did not reach
        wrapped.zero_grad()
        losses = wrapped(images[2 * rank:2 * rank + 2], samples[2 * rank:2 * rank + 2], mode='loss')
        (losses['loss_one'] + losses['loss_two']).backward()
    losses = plain(images, samples, mode='loss')
    (losses['loss_one'] + losses['loss_two']).backward()
    compared = 0
    for (name, weight), other in zip(plain.named_parameters(), wrapped.module.parameters()):
        if weight.requires_grad:
            torch.testing.assert_close(other.grad, weight.grad, rtol=1e-4, atol=1e-6, msg=name)
            compared += 1
    print(f'compared {compared} gradients')
"""


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(config: Path, tmp_path: Path) -> None:
    """Without ``find_unused_parameters``: every parameter has a gradient in every step, whatever terms are active."""
    options = {'train_cfg.max_epochs': 2, 'log_processor.window_size': 1, 'model.terms': TERMS}
    output = run_in_two_processes(_TWO_PROCESSES, tmp_path, config, tmp_path / 'run', json.dumps(options))
    assert output.count('compared ') == 4
    assert len(logged_losses(tmp_path / 'run')) == 4
