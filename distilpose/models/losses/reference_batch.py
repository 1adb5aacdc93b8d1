"""RTMPose's loss at the weight that it has at the published batch size."""

from __future__ import annotations

from typing import Any

from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.errors import DistilPoseError


@MODELS.register_module()
class ReferenceBatchKLDiscretLoss(KLDiscretLoss):
    """mmpose's ``KLDiscretLoss`` as if the batch of this process had ``reference_batch`` people.

    The original is a sum over the batch and the distillation terms are means, so that their balance follows the
    batch of a process: DWPose was trained with 64 of 256x192 and 32 of 384x288. This one does not follow it, and
    equals the original at the reference.

    Args:
        reference_batch: people in a batch of a process at which the balance was chosen.
        **kwargs: of ``KLDiscretLoss``.
    """

    def __init__(self, *, reference_batch: int, **kwargs: Any) -> None:
        if reference_batch < 1:
            raise DistilPoseError(f'ReferenceBatchKLDiscretLoss got reference_batch={reference_batch}; expected the '
                                  'number of people in a batch, at least 1')
        super().__init__(**kwargs)
        self.reference_batch = reference_batch

    def forward(self, pred_simcc: tuple[Tensor, Tensor], gt_simcc: tuple[Tensor, Tensor],
                target_weight: Tensor) -> Tensor:
        """The loss, a scalar, of (B, K, N) logits and labels of both axes and of weights (B, K)."""
        factor = self.reference_batch / len(pred_simcc[0])
        return super().forward(pred_simcc, gt_simcc, target_weight) * factor
