from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from mmpose.models.heads import HeatmapHead, RegressionHead
from torch import nn

from distilpose.distillation.replay import replayed
from tests.networks import NUM_KEYPOINTS, batch


class Counting(nn.Linear):
    """A head that calls ``forward`` in both ways, and counts how often it computed and lost."""

    computed, lost = 0, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.computed += 1
        return super().forward(x)

    def loss(self, features: Any) -> torch.Tensor:
        self.lost += 1
        return self.forward(features) + self(features)


def test_the_loss_is_that_of_the_prediction_and_the_head_is_not_touched() -> None:
    head, prediction = Counting(2, 2), torch.ones(1)
    assert replayed(head, prediction).loss(None) == 2 and head.computed == 0
    assert head.lost == 1  # what the loss itself sets is set on the head
    assert head.loss(torch.zeros(1, 2)).shape == (1, 2) and head.computed == 2


def test_a_forward_of_the_heads_own_stays() -> None:
    head = Counting(2, 2)
    own = head.forward = lambda x: 'compiled'  # as torch.compile would have left it
    assert replayed(head, torch.ones(1)).loss(None) == 2 and head.forward is own


@pytest.mark.parametrize('head_class, options', [
    (RegressionHead, dict(in_channels=8, num_joints=NUM_KEYPOINTS,
                          loss=dict(type='SmoothL1Loss', use_target_weight=True))),
    (HeatmapHead, dict(in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                       loss=dict(type='KeypointMSELoss', use_target_weight=True))),
])
def test_an_unmodified_mmpose_head_loses_the_same(head_class: type, options: dict) -> None:
    head = head_class(**options)
    features = (torch.randn(4, 8, *((1, 1) if head_class is RegressionHead else (16, 12))),)
    _, samples = batch()
    prediction = head(features)
    losses = replayed(head, prediction).loss((None,), samples)
    expected = head.loss(features, samples)
    assert losses['loss_kpt'] == expected['loss_kpt'] and losses['acc_pose'] == expected['acc_pose']
    found, own = (torch.autograd.grad(loss['loss_kpt'], list(head.parameters())) for loss in (losses, expected))
    for gradient, other in zip(found, own, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(gradient, other, rtol=1e-6, atol=1e-6 * float(other.abs().max()))


def test_threads_lose_with_one_head() -> None:
    """Each the loss of its own prediction."""
    head = HeatmapHead(in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                       loss=dict(type='KeypointMSELoss', use_target_weight=True))
    _, samples = batch()
    predictions = [torch.full((4, NUM_KEYPOINTS, 16, 12), float(number)) for number in range(5)]
    expected = [float(replayed(head, prediction).loss((None,), samples)['loss_kpt']) for prediction in predictions]
    assert len(set(expected)) == 5

    def call(number: int) -> bool:
        return float(replayed(head, predictions[number % 5]).loss((None,), samples)['loss_kpt']) == expected[number % 5]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(200)))
