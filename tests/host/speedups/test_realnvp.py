"""The prior of RLE's flow against mmpose's."""

from __future__ import annotations

import torch
from mmpose.models.losses import RLELoss
from mmpose.models.utils.realnvp import RealNVP

from distilpose.host.speedups.realnvp import checked_prior
from tests.devices import on_device
from tests.fake_device import fake_device, record


@on_device
def test_same_density() -> None:
    flow, points = RealNVP(), torch.randn(50, 2)
    assert RealNVP.prior is not checked_prior
    assert torch.equal(flow.prior.log_prob(points), checked_prior.fget(flow).log_prob(points))


@on_device
def test_a_loss_waits_for_nothing() -> None:
    with fake_device() as device:
        loss = RLELoss(use_target_weight=True).to(device)
        values = [torch.rand(2, 5, 2, device=device) for _ in range(4)]
        with record() as found:
            loss(*values)
    assert found.waits == []
