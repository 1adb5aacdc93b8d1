"""Fast copies: the type that ``auto`` takes, where it is not close, and what is not optimised."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmpose.models.heads import VisPredictHead
from torch import nn

from distilpose.config.models import build_estimator
from distilpose.errors import DistilPoseError
from distilpose.models import fast_copy as module
from distilpose.models import fast_settings
from distilpose.models.fast_copy import fast_copy
from distilpose.models.optimised import example_images
from tests.devices import on_device
from tests.networks import STUDENT


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was logged, on a processor with fast products in bfloat16."""
    logged: list[str] = []
    monkeypatch.setattr(module, 'print_log', lambda line, *_: logged.append(line))
    monkeypatch.setattr(fast_settings, 'has_fast_bfloat16', lambda device_type: True)
    return logged


def network() -> Any:
    torch.manual_seed(0)
    return build_estimator(dict(STUDENT, test_cfg=dict(flip_test=True))).eval()


@on_device
def test_auto_is_the_copy_in_bfloat16(lines: list[str]) -> None:
    model = network()
    fast, dtype = fast_copy(model, 'auto')
    assert dtype == 'bfloat16' and fast is not model
    assert len(lines) == 1 and 'in bfloat16: products in bfloat16 are fast' in lines[0]


@on_device
def test_without_fast_products_auto_is_float32(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_settings, 'has_fast_bfloat16', lambda device_type: False)
    model = network()
    fast, dtype = fast_copy(model, 'auto')
    images = example_images(model)
    assert dtype == 'float32' and fast.extract_feat(images)[-1].dtype == torch.float32 and 'not fast' in lines[0]


@on_device
def test_auto_keeps_float32_where_bfloat16_is_far_from_it(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, '_TOLERANCE', 0.0)
    assert fast_copy(network(), 'auto')[1] == 'float32'
    assert 'in bfloat16 outputs are not close to float32' in lines[0]


def test_a_model_in_train_mode_keeps_its_running_statistics(lines: list[str]) -> None:
    """A test builds its model in train mode."""
    model = network().train()
    before = copy.deepcopy(model.state_dict())
    assert fast_copy(model, 'auto')[1] == 'bfloat16' and model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@on_device
def test_off_is_the_model_itself(lines: list[str]) -> None:
    model = network()
    assert fast_copy(model, 'off') == (model, 'float32') and not lines


def test_other_models_are_not_optimised(lines: list[str]) -> None:
    other = nn.Identity()
    assert fast_copy(other, 'auto') == (other, 'float32') and not lines
    with pytest.raises(DistilPoseError, match='fast is bfloat16, .* the model is a Identity; leave it out'):
        fast_copy(other, 'bfloat16')


def test_auto_keeps_a_network_that_cannot_be_optimised(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    monkeypatch.setattr(model.head, 'forward', lambda features: 1 / 0)
    assert fast_copy(model, 'auto') == (model, 'float32')
    assert len(lines) == 1 and 'the network as it is, in float32' in lines[0] and 'ZeroDivisionError' in lines[0]
    with pytest.raises(ZeroDivisionError):
        fast_copy(model, 'float32')


def test_the_example_image_of_a_codec_inside_a_codec() -> None:
    model = network()
    inner = SimpleNamespace(input_size=(48, 96))
    assert example_images(SimpleNamespace(head=SimpleNamespace(decoder=SimpleNamespace(heatmap_codec=inner)),
                                          parameters=model.parameters)).shape == (1, 3, 96, 48)


def test_a_head_with_another_inside_is_refused_in_bfloat16(lines: list[str]) -> None:
    model = network()
    head = VisPredictHead(pose_cfg=dict(type='RegressionHead', in_channels=8, num_joints=2, loss=dict(
        type='SmoothL1Loss', use_target_weight=True)), loss=dict(type='BCELoss', use_target_weight=True))
    model.head = head
    with pytest.raises(DistilPoseError, match='fast is bfloat16, and VisPredictHead predicts in float32 only'):
        fast_copy(model, 'bfloat16')
