"""FPD's student against figures that its published implementation produced (float32, CPU)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from distilpose.checkpoints.published import to_our_names
from distilpose.config import build_estimator, load_config
from distilpose.models import read_outputs
from tests.devices import on_device
from tests.parity.reference import fixture, images, published_state

STUDENT = 'configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hourglass_4x128_mpii_256x256.py'


@pytest.fixture
def student(device: torch.device) -> nn.Module:
    model = build_estimator(load_config(STUDENT).model)
    model.load_state_dict(to_our_names(published_state(fixture('fpd_hg4x128')['keys'])), strict=True)
    return model.eval().to(device)


@on_device
def test_outputs_of_every_stack(student: nn.Module) -> None:
    """Within 2e-5 of the expected output's spread; every 97th value is stored."""
    expected = fixture('fpd_hg4x128')
    with torch.no_grad():
        features = student.extract_feat(images(expected['input_shape']))
        stacks = read_outputs(student.head, student.head(features), features).heatmaps
    assert len(stacks) == 4
    for index, maps in enumerate(stacks):
        values = expected[f'out_stack{index}']
        assert tuple(maps.shape) == tuple(expected[f'shape_stack{index}'])
        np.testing.assert_allclose(maps.cpu().numpy().ravel()[::97], values, rtol=0, atol=2e-5 * values.std())


@on_device
def test_names_shapes_and_order_of_the_weights(student: nn.Module) -> None:
    expected = fixture('fpd_hg4x128')
    published = [(f'backbone.{key}', tuple(shape)) for key, shape in json.loads(str(expected['keys']))]
    assert [(key, tuple(value.shape)) for key, value in student.state_dict().items()] == published
    assert sum(parameter.numel() for parameter in student.parameters()) == expected['params']
