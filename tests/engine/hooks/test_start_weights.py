from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

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
    assert list(checkpoint['state_dict']) == ['backbone.weight', 'backbone.bias']


def test_published_names_become_ours() -> None:
    """A simple baseline: mmengine takes from the checkpoint what the hook leaves there."""
    keys = ['conv1.weight', 'layer1.0.conv1.weight', 'layer4.0.conv1.weight', 'deconv_layers.0.weight',
            'final_layer.weight']
    checkpoint = dict(state_dict={key: torch.zeros(17, 4, 1, 1) for key in keys})
    StartWeightsHook().after_load_checkpoint(runner(), checkpoint)
    assert set(checkpoint['state_dict']) >= {'backbone.conv1.weight', 'head.final_layer.weight'}


def test_refuses_weights_of_another_network() -> None:
    checkpoint = dict(state_dict={'encoder.weight': torch.zeros(2), 'backbone.weight': torch.zeros(2)})
    with pytest.raises(DistilPoseError, match='none of the 2 weights of start.pth .* it has encoder.weight'):
        StartWeightsHook().after_load_checkpoint(runner(), checkpoint)


def test_leaves_a_resumed_run_to_the_strict_hook() -> None:
    checkpoint = dict(state_dict={'encoder.weight': torch.zeros(2)})
    StartWeightsHook().after_load_checkpoint(runner(resume=True), checkpoint)
    assert list(checkpoint['state_dict']) == ['encoder.weight']
