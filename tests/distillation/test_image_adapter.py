from __future__ import annotations

import copy

import pytest
import torch
from mmpose.codecs import IntegralRegressionLabel
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from distilpose.config.models import build_estimator
from distilpose.distillation.image_adapter import adapter_between, input_size, read_input, resample
from distilpose.errors import DistilPoseError
from tests.networks import STUDENT, changed


def network(size: tuple[int, int] = (48, 64), **preprocessor) -> nn.Module:
    config = changed(STUDENT, decoder=dict(type='RegressionLabel', input_size=size))
    config['data_preprocessor'] = dict(copy.deepcopy(STUDENT['data_preprocessor']), **preprocessor)
    return build_estimator(config)


def _between(student: nn.Module, teacher: nn.Module) -> nn.Module:
    return adapter_between(read_input(student), read_input(teacher))


def preprocessed(model: nn.Module, images: Tensor) -> Tensor:
    return model.data_preprocessor(dict(inputs=list(images), data_samples=[PoseDataSample() for _ in images]))['inputs']


def test_the_codec_of_integral_regression_says_its_size_too() -> None:
    model = nn.Module()
    model.head = nn.Module()
    model.head.decoder = IntegralRegressionLabel(input_size=(48, 64), heatmap_size=(12, 16), sigma=2)
    assert input_size(model) == (48, 64)


def test_equal_networks_need_nothing() -> None:
    assert isinstance(_between(network(), network()), nn.Identity)


@pytest.mark.parametrize('other', [
    dict(mean=[0.0, 10.0, 20.0], std=[1.0, 2.0, 3.0]),
    dict(bgr_to_rgb=False),
    dict(bgr_to_rgb=False, mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395]),
])
def test_images_become_what_the_teacher_would_have_made_of_them(other: dict) -> None:
    student, teacher = network(), network(**other)
    images = torch.randint(0, 256, (2, 3, 64, 48), dtype=torch.uint8)
    found = _between(student, teacher)(preprocessed(student, images))
    torch.testing.assert_close(found, preprocessed(teacher, images), rtol=1e-5, atol=1e-4)


def test_a_larger_teacher_sees_every_point_at_its_fraction_of_the_side() -> None:
    student, teacher = network((48, 64)), network((96, 128))
    ramp = torch.arange(48.0).expand(1, 3, 64, 48) / 48
    found = _between(student, teacher)(ramp)
    assert found.shape == (1, 3, 128, 96)
    torch.testing.assert_close(found[0, 0, 0, :95], torch.arange(95.0) / 96)


def test_resampling_to_the_own_size_changes_nothing() -> None:
    maps = torch.randn(2, 3, 8, 6)
    torch.testing.assert_close(resample(maps, (6, 8)), maps)


def test_another_shape_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='images of 48x64 .*, the teacher of 64x64, which is another shape'):
        _between(network(), network((64, 64)))


def test_one_network_without_normalisation_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='the student normalises its images and the teacher does not'):
        _between(network(), network(mean=None, std=None))


def test_it_has_no_weights_and_is_not_stored() -> None:
    adapter = _between(network(), network((96, 128)))
    assert not list(adapter.parameters()) and not adapter.state_dict()
