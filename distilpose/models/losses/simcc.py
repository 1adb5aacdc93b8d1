"""SimCC losses: those of SimDR and SimDR*, and RTMPose's at a reference batch size."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.errors import DistilPoseError
from distilpose.renamed import forward_names

Axes = tuple[Tensor, Tensor]

__getattr__ = forward_names(__name__, {'AxisLoss': 'distilpose.models.losses.simcc.SimCCLoss'})


def divergence_from_smoothed_classes(logits: Tensor, classes: Tensor, *, smoothing: float) -> Tensor:
    """Kullback-Leibler divergence from label-smoothed classes to the softmax of logits, summed over the bins.

    The target has ``1 - smoothing`` at the class and ``smoothing / (N - 1)`` at all other bins.

    Args:
        logits: (..., N).
        classes: (...) int64.
        smoothing: in [0, 1); at 0 this is the cross-entropy.

    Returns:
        (...).
    """
    log_probabilities = logits.log_softmax(dim=-1)
    at_class = log_probabilities.gather(-1, classes.unsqueeze(-1)).squeeze(-1)
    divergence = -(1 - smoothing) * at_class
    if smoothing > 0:
        elsewhere = smoothing / (logits.shape[-1] - 1)
        entropy = (1 - smoothing) * math.log(1 - smoothing) + smoothing * math.log(elsewhere)
        divergence = divergence + entropy - elsewhere * (log_probabilities.sum(dim=-1) - at_class)
    return divergence


def divergence_from_gaussians(logits: Tensor, targets: Tensor) -> Tensor:
    """``sum(t log t - t log p)`` over the bins, with p the softmax of logits; where t is 0, so is the summand.

    Args:
        logits: (..., N).
        targets: (..., N), not necessarily of sum 1.

    Returns:
        (...).
    """
    return F.kl_div(logits.log_softmax(dim=-1), targets, reduction='none').sum(dim=-1)


class SimCCLoss(nn.Module, ABC):
    """A divergence of both axes, weighted by joint, summed and divided by the batch size."""

    def forward(self, predicted: Axes, targets: Axes, weights: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            predicted: (B, K, Wx) and (B, K, Wy) logits.
            targets: labels of the codec that belongs to the loss.
            weights: (B, K), 0 where a joint is not labelled.
        """
        along_x, along_y = (self._divergence(logits, target) for logits, target in zip(predicted, targets, strict=True))
        return ((along_x + along_y) * weights).sum() / len(weights)

    @abstractmethod
    def _divergence(self, logits: Tensor, target: Tensor) -> Tensor:
        """(B, K) of (B, K, N) logits of one axis."""


@MODELS.register_module()
class NMTLoss(SimCCLoss):
    """SimDR's loss: smoothed classes, summed over bins, joints and axes; for ``SimDRLabel``.

    Args:
        smoothing: the share of the target that is spread over the bins beside the class, in [0, 1).

    Raises:
        DistilPoseError: for a smoothing out of range.
    """

    def __init__(self, *, smoothing: float = 0.1) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise DistilPoseError(f'{type(self).__name__} got smoothing={smoothing}; expected a share in [0, 1)')
        self.smoothing = smoothing

    def _divergence(self, logits: Tensor, target: Tensor) -> Tensor:
        return divergence_from_smoothed_classes(logits, target, smoothing=self.smoothing)


@MODELS.register_module()
class NMTNormLoss(NMTLoss):
    """:class:`NMTLoss` as a mean over bins and joints; still the sum of both axes.

    So the shorter axis weighs more. With Adam it differs from the other by little more than Adam's epsilon.
    """

    def _divergence(self, logits: Tensor, target: Tensor) -> Tensor:
        return super()._divergence(logits, target) / (logits.shape[-1] * logits.shape[1])


@MODELS.register_module()
class KLDiscretMeanLoss(SimCCLoss):
    """SimDR*'s loss: a mean over bins and joints, and the sum of both axes; for ``SimDRGaussianLabel``."""

    def _divergence(self, logits: Tensor, target: Tensor) -> Tensor:
        return divergence_from_gaussians(logits, target) / (logits.shape[-1] * logits.shape[1])


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
