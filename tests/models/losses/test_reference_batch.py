from __future__ import annotations

import pytest
import torch
from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.models import ReferenceBatchKLDiscretLoss

OPTIONS = dict(use_target_weight=True, beta=10., label_softmax=True)


def case(batch: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Tensor]:
    """The same person as often as asked."""
    generator = torch.Generator().manual_seed(0)
    logits, labels = (tuple(torch.rand(1, 3, bins, generator=generator).expand(batch, -1, -1) for bins in (12, 16))
                      for _ in range(2))
    return logits, labels, torch.tensor([[1., 0., 1.]]).expand(batch, -1)


def test_is_mmposes_loss_at_the_reference() -> None:
    torch.testing.assert_close(ReferenceBatchKLDiscretLoss(reference_batch=6, **OPTIONS)(*case(6)),
                               KLDiscretLoss(**OPTIONS)(*case(6)))


def test_does_not_follow_the_batch_as_mmposes_does() -> None:
    loss, original = ReferenceBatchKLDiscretLoss(reference_batch=64, **OPTIONS), KLDiscretLoss(**OPTIONS)
    torch.testing.assert_close(original(*case(64)), 64 * original(*case(1)))
    for batch in (1, 5, 64):
        torch.testing.assert_close(loss(*case(batch)), original(*case(64)))


def test_a_config_can_name_it_and_a_batch_of_nobody_is_refused() -> None:
    loss = MODELS.build(dict(type='ReferenceBatchKLDiscretLoss', reference_batch=32, **OPTIONS))
    assert loss.beta == 10.  # which others read, such as a teacher that draws heatmaps
    with pytest.raises(DistilPoseError, match='reference_batch=0'):
        ReferenceBatchKLDiscretLoss(reference_batch=0)
