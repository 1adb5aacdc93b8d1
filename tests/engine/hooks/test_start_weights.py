from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from distilpose.checkpoints.partial_loading import load_fitting
from distilpose.engine import train
from distilpose.engine.hooks import StartWeightsHook
from distilpose.errors import DistilPoseError


def runner(*, resume: bool = False) -> Any:
    model = nn.Module()
    model.add_module('backbone', nn.Conv2d(3, 4, 1))
    model.add_module('head', nn.Module())
    model.head.final_layer = nn.Conv2d(4, 17, 1)
    return SimpleNamespace(model=model, _resume=resume, _load_from=Path('start.pth'))


def test_parallel_prefixes_go_and_a_part_is_enough() -> None:
    checkpoint = {f'module.{name}': value for name, value in runner().model.state_dict().items() if 'backbone' in name}
    StartWeightsHook().after_load_checkpoint(runner(), checkpoint)
    assert list(checkpoint['state_dict']) == list(runner().model.state_dict()), 'mmengine has nothing left to log'


def test_which_were_taken_is_one_line() -> None:
    model = runner().model
    state = {**model.state_dict(), 'head.final_layer.weight': torch.zeros(5, 4, 1, 1), 'neck.weight': torch.zeros(1)}
    own = {name: value.clone() for name, value in model.state_dict().items()}
    state['backbone.bias'] = state['backbone.bias'] + 1
    fit = load_fitting(model, state)
    assert torch.equal(model.backbone.bias, own['backbone.bias'] + 1)
    assert torch.equal(model.head.final_layer.weight, own['head.final_layer.weight'])
    assert fit.describe('a.pth') == (
        '3 of the 4 tensors of the model were taken from a.pth; 1 keep the values that they started with: '
        'head.final_layer.weight; 1 of these have another shape in the file, as the last layer for another number of '
        'keypoints has: head.final_layer.weight; 1 of the file are not in the model: neck.weight.')
    assert load_fitting(model, model.state_dict()).describe('a.pth') == (
        'All 4 tensors of the model were taken from a.pth.')


def test_counters_that_torch_sets_itself_are_not_taken_from_the_file() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    model.load_state_dict(model.state_dict())
    assert load_fitting(model, {'other.weight': torch.zeros(1)}).taken == []
    start = SimpleNamespace(model=model, _resume=False, _load_from=Path('start.pth'))
    with pytest.raises(DistilPoseError, match='none of the 1 weights of start.pth fits the model'):
        StartWeightsHook().after_load_checkpoint(start, {'other.weight': torch.zeros(1)})


def test_the_log_of_a_training_has_this_line_only(make_config: Callable[..., Path], tmp_path: Path) -> None:
    """mmengine lists every name."""
    model = train(make_config(epochs=1), work_dir=tmp_path / 'first', validate=False).model
    state = {name: value for name, value in model.state_dict().items() if 'head' not in name}
    torch.save(dict(state_dict=state | dict(other=torch.zeros(1))), tmp_path / 'start.pth')
    run = train(make_config(epochs=1), work_dir=tmp_path / 'second', validate=False,
                options={'load_from': str(tmp_path / 'start.pth')})
    log = Path(run.logger.log_file).read_text()
    assert 'head.fc.weight' in next(line for line in log.splitlines() if 'keep the values' in line and 'WARN' in line)
    assert 'do not match exactly' not in log


def test_older_names_that_the_model_knows_are_taken() -> None:
    """As mmpose's heads do, which rename in a hook of their own."""
    model = runner().model

    def rename(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
        for name in ('weight', 'bias'):
            if f'keypoint_head.{name}' in state:
                state[f'head.final_layer.{name}'] = state.pop(f'keypoint_head.{name}')

    model.register_load_state_dict_pre_hook(rename)
    fit = load_fitting(model, {'keypoint_head.weight': torch.ones(17, 4, 1, 1), 'keypoint_head.bias': torch.ones(17)})
    assert fit.taken == ['head.final_layer.weight', 'head.final_layer.bias'] and not fit.unused
    assert bool(model.head.final_layer.weight.eq(1).all())


def test_published_names_become_ours() -> None:
    """A simple baseline."""
    keys = ['conv1.weight', 'layer1.0.conv1.weight', 'layer4.0.conv1.weight', 'deconv_layers.0.weight',
            'final_layer.weight']
    checkpoint = dict(state_dict={key: torch.zeros(17, 4, 1, 1) for key in keys})
    model = runner().model
    model.backbone = nn.ModuleDict(dict(conv1=nn.Conv2d(4, 17, 1, bias=False)))
    StartWeightsHook().after_load_checkpoint(SimpleNamespace(model=model, _resume=False, _load_from='a.pth'),
                                             checkpoint)
    assert bool(model.backbone['conv1'].weight.eq(0).all() and model.head.final_layer.weight.eq(0).all())


def test_refuses_weights_of_another_network() -> None:
    checkpoint = dict(state_dict={'encoder.weight': torch.zeros(2), 'backbone.weight': torch.zeros(2)})
    with pytest.raises(DistilPoseError, match='none of the 2 weights of start.pth .* it has encoder.weight'):
        StartWeightsHook().after_load_checkpoint(runner(), checkpoint)


def test_leaves_a_resumed_run_to_the_strict_hook() -> None:
    checkpoint = dict(state_dict={'encoder.weight': torch.zeros(2)})
    StartWeightsHook().after_load_checkpoint(runner(resume=True), checkpoint)
    assert list(checkpoint['state_dict']) == ['encoder.weight']
