from __future__ import annotations

import pytest
import torch
from mmpose.models.heads import HeatmapHead, RegressionHead
from torch import nn

from distilpose.distillation.replay import replayed
from tests.networks import NUM_KEYPOINTS, batch


class Counting(nn.Linear):
    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        type(self).calls += 1
        return super().forward(x)


def test_the_prediction_is_returned_and_the_head_is_itself_again() -> None:
    head, prediction = Counting(2, 2), torch.ones(1)
    with replayed(head, prediction):
        assert head.forward(torch.zeros(1, 2)) is prediction and head(None) is prediction
    assert Counting.calls == 0 and 'forward' not in head.__dict__
    head(torch.zeros(1, 2))
    assert Counting.calls == 1


def test_an_error_inside_restores_the_head() -> None:
    head = nn.Linear(2, 2)
    own = head.forward = lambda x: 'compiled'  # as torch.compile would have left it
    with pytest.raises(RuntimeError), replayed(head, 'replayed'):
        raise RuntimeError
    assert head.forward is own


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
    with replayed(head, prediction):
        losses = head.loss((None,), samples)
    expected = head.loss(features, samples)
    assert losses['loss_kpt'] == expected['loss_kpt'] and losses['acc_pose'] == expected['acc_pose']
    losses['loss_kpt'].backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
