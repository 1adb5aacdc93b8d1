"""Images preprocessed at once against mmengine's way, one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmpose.models import PoseDataPreprocessor
from mmpose.structures import PoseDataSample
from torch import Tensor

from distilpose.host.speedups.image_batches import forward, image_by_image
from tests.fake_device import fake_device, record

OPTIONS: dict[str, dict[str, Any]] = dict(
    usual=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    gray=dict(mean=[127.5], std=[50.0]),
    bare={},
    padded=dict(mean=[0.0, 1.0, 2.0], std=[1.0, 2.0, 3.0], pad_size_divisor=32, pad_value=7))


def images(count: int, channels: int = 3, dtype: torch.dtype = torch.uint8) -> list[Tensor]:
    return [torch.randint(0, 256, (channels, 20, 12)).to(dtype) for _ in range(count)]


def inputs_by(way: Any, preprocessor: PoseDataPreprocessor, inputs: Any) -> Tensor:
    return way(preprocessor, dict(inputs=inputs, data_samples=[PoseDataSample() for _ in inputs]))['inputs']


@pytest.mark.parametrize('stacked', [False, True], ids=('list', 'tensor'))
@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32], ids=str)
@pytest.mark.parametrize('name', OPTIONS)
def test_equal_values(name: str, dtype: torch.dtype, stacked: bool) -> None:
    inputs: Any = images(3, dtype=dtype)
    inputs = torch.stack(inputs) if stacked else inputs
    before = [image.clone() for image in inputs]
    found, expected = (inputs_by(way, PoseDataPreprocessor(**OPTIONS[name]), inputs)
                       for way in (forward, image_by_image))
    assert torch.equal(found, expected) and found.stride() == expected.stride()
    assert all(torch.equal(one, other) for one, other in zip(inputs, before, strict=True))


def test_images_of_several_sizes_take_the_way_of_mmengine() -> None:
    inputs = [torch.zeros(3, 8, 8), torch.ones(3, 8, 6)]
    found, expected = (inputs_by(way, PoseDataPreprocessor(), inputs) for way in (forward, image_by_image))
    assert found.shape == (2, 3, 8, 8) and torch.equal(found, expected)


def test_other_numbers_of_channels_take_the_way_of_mmengine() -> None:
    with_alpha = images(2, channels=4)
    found, expected = (inputs_by(way, PoseDataPreprocessor(**OPTIONS['usual']), with_alpha)
                       for way in (forward, image_by_image))
    assert torch.equal(found, expected)
    with pytest.raises(IndexError):
        inputs_by(forward, PoseDataPreprocessor(**OPTIONS['usual']), images(2, channels=1))


class Halving(PoseDataPreprocessor):
    """Has a ``cast_data`` of its own, which gets every image."""

    def cast_data(self, data: Any) -> Any:
        return {**data, 'inputs': [image.float() / 2 for image in data['inputs']]}


def test_a_cast_data_of_its_own_gets_images() -> None:
    found, expected = (inputs_by(way, Halving(), images(1)) for way in (forward, image_by_image))
    assert found.shape == expected.shape == (1, 3, 20, 12)


def test_one_copy_to_the_device() -> None:
    with fake_device() as device:
        preprocessor = PoseDataPreprocessor(**OPTIONS['usual']).to(device)
        counts = []
        for way in (forward, image_by_image):
            with record() as found:
                assert inputs_by(way, preprocessor, images(8)).device == device
            counts.append((len(found.waits), sum(found.launches.values())))
    (waits, launches), (their_waits, their_launches) = counts
    assert waits == 1 and their_waits == 16 and launches < 8 < their_launches
