from __future__ import annotations

import pytest
import torch

from distilpose.errors import DistilPoseError
from distilpose.models import StackedHourglass


@pytest.mark.parametrize('stacks, channels, parameters', [(8, 256, 25_594_624), (4, 128, 3_287_936),
                                                          (4, 256, 13_018_816)])
def test_published_sizes(stacks: int, channels: int, parameters: int) -> None:
    with torch.device('meta'):
        network = StackedHourglass(num_keypoints=16, num_stacks=stacks, channels=channels)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(network.state_dict()) == 70 + 307 * stacks


def test_every_stack_draws_a_quarter_of_the_image() -> None:
    network = StackedHourglass(num_keypoints=3, num_stacks=2, channels=8, num_blocks=2)
    assert [tuple(maps.shape) for maps in network(torch.zeros(1, 3, 128, 64))] == [(1, 3, 32, 16)] * 2


def test_a_stack_sees_the_scores_of_the_one_before() -> None:
    torch.manual_seed(0)
    network = StackedHourglass(num_keypoints=3, num_stacks=2, channels=8)
    images = torch.randn(2, 3, 64, 64)
    first, second = network(images)
    second.sum().backward()
    assert network.score[0].weight.grad.any()
    with torch.no_grad():
        network.score_[0].weight.zero_()
        again = network(images)
    assert torch.equal(again[0], first) and not torch.equal(again[1], second)


def test_weights_start_as_torchs() -> None:
    torch.manual_seed(0)
    network = StackedHourglass(num_keypoints=3, num_stacks=2, channels=8)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.init_weights()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize('size', [(64, 96), (96, 64), (250, 250)])
def test_sizes_that_cannot_be_halved_are_refused(size: tuple[int, int]) -> None:
    network = StackedHourglass(num_keypoints=3, num_stacks=1, channels=8)
    with pytest.raises(DistilPoseError, match=f'images of {size[0]}x{size[1]} .* multiples of 64'):
        network(torch.zeros(1, 3, size[1], size[0]))


@pytest.mark.parametrize('options', [dict(num_stacks=0), dict(channels=6), dict(channels=0)])
def test_networks_that_do_not_exist_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(DistilPoseError, match='StackedHourglass got num_stacks='):
        StackedHourglass(num_keypoints=3, **options)
