"""Combination of several teachers, joint by joint: their mean, a mean by confidence, or the outputs of an expert."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from distilpose.structures import PoseOutputs

from .teachers.decoding import certainty_of
from .teachers.keypoint_map import any_joints
from .terms.simcc import resample_bins

RULES = ('mean', 'confidence', 'expert')
FIELDS = ('heatmaps', 'coords', 'sigmas', 'scores', 'simcc')
"""Fields of :class:`~distilpose.structures.PoseOutputs` that are combined; beside them, the mask."""
_SMALLEST = 1e-8  # a probability of resampled bins whose logarithm is taken


def mean_weights(outputs: Sequence[PoseOutputs], factors: Sequence[float]) -> Tensor:
    """Weights of teachers by their factors, among those that predict a joint.

    Args:
        outputs: of T teachers for one batch and the same keypoints.
        factors: of the teachers, above 0.

    Returns:
        (T, B, K) of sum 1 over the teachers; equal for a joint that none of them predicts.
    """
    masks = [_predicted(one) for one in outputs]
    return _normalised(torch.stack([mask * factor for mask, factor in zip(masks, factors, strict=True)]))


def confidence_weights(outputs: Sequence[PoseOutputs], factors: Sequence[float], *, betas: Sequence[float]) -> Tensor:
    """Weights of teachers by their factors times their confidence in a joint.

    Args:
        outputs: as in :func:`mean_weights`.
        factors: as in :func:`mean_weights`.
        betas: factors of the SimCC logits in the teachers' training losses, see
            :func:`~distilpose.distillation.teachers.decoding.certainty_of`.

    Returns:
        (T, B, K) of sum 1 over the teachers; those of :func:`mean_weights` where all confidences are 0.
    """
    weights = torch.stack([certainty_of(one, beta=beta) * factor
                           for one, factor, beta in zip(outputs, factors, betas, strict=True)])
    return torch.where(weights.sum(0) == 0, mean_weights(outputs, factors), _normalised(weights))


def expert_weights(outputs: Sequence[PoseOutputs], ranks: Tensor) -> Tensor:
    """1 for the teacher of lowest rank among those that predict a joint, 0 for the others.

    Args:
        outputs: as in :func:`mean_weights`.
        ranks: (T, K) finite, from :func:`expert_ranks`.

    Returns:
        (T, B, K); 1 for the first teacher at a joint that none of them predicts.
    """
    is_predicted = torch.stack([_predicted(one) for one in outputs]) > 0
    chosen = torch.where(is_predicted, ranks[:, None], torch.inf).argmin(0)
    places = torch.arange(len(outputs), device=chosen.device)
    return (chosen == places[:, None, None]).to(ranks.dtype)


def expert_ranks(joints: Sequence[Sequence[int]], count: int) -> Tensor:
    """Ranks (T, K) of teachers for every joint: its experts first, then the others, both in the order given.

    Args:
        joints: of every teacher, the indices of those that it is the expert of.
        count: number of keypoints K.
    """
    ranks = torch.arange(len(joints), dtype=torch.float32)[:, None].repeat(1, count) + len(joints)
    for place, indices in enumerate(joints):
        ranks[place, list(indices)] = float(place)
    return ranks


def combine(outputs: Sequence[PoseOutputs], weights: Tensor, *, betas: Sequence[float], beta: float = 1.0,
            fields: Collection[str] = FIELDS) -> PoseOutputs:
    """Weighted means of the outputs of several teachers, of the fields in :data:`FIELDS` that all of them have.

    Heatmaps (of several stacks the last), coordinates, sigmas and scores are averaged. SimCC gives the logarithm of the
    mixture of the distributions, divided by ``beta``. Distributions of fewer bins are resampled to the largest number.
    ``mask`` is 1 for a joint that any teacher predicts.

    Args:
        outputs: of T teachers, for one batch and the same keypoints, with heatmaps of one grid and size.
        weights: (T, B, K) of sum 1 over the teachers.
        betas: factors of the SimCC logits in their training losses.
        beta: factor of the combined logits.
        fields: others are left out.
    """
    combined: dict[str, Any] = {}
    for name in common_fields(outputs):
        if name not in fields:
            continue
        values = [getattr(one, name) for one in outputs]
        if name == 'heatmaps':
            combined[name] = (_weighted([maps[-1] for maps in values], weights),)
        elif name == 'simcc':
            combined[name] = tuple(_mixture(logits, weights, betas, beta) for logits in zip(*values, strict=True))
        else:
            combined[name] = _weighted(values, weights)
    masks = [one.mask for one in outputs if one.mask is not None]
    return PoseOutputs(**combined, mask=torch.stack(masks).amax(0) if len(masks) == len(outputs) else None)


def common_fields(outputs: Sequence[PoseOutputs]) -> tuple[str, ...]:
    """The combined fields that all teachers have."""
    return tuple(name for name in FIELDS if all(getattr(one, name) is not None for one in outputs))


def _predicted(outputs: PoseOutputs) -> Tensor:
    """(B, K) the mask of outputs, ones without one."""
    if outputs.mask is not None:
        return outputs.mask
    joints = any_joints(outputs)
    return joints.new_ones(joints.shape[:2])


def _normalised(weights: Tensor) -> Tensor:
    """(T, B, K) divided by their sum over T; equal where that is 0."""
    total = weights.sum(0)
    return torch.where(total == 0, 1 / len(weights), weights / total)


def _weighted(values: Sequence[Tensor], weights: Tensor) -> Tensor:
    """The sum of T values (B, K, ...) times weights (T, B, K)."""
    dims = [1] * (values[0].dim() - 2)
    return torch.stack([value * weight.view(*weight.shape, *dims)
                        for value, weight in zip(values, weights, strict=True)]).sum(0)


def _mixture(logits: Sequence[Tensor], weights: Tensor, betas: Sequence[float], beta: float) -> Tensor:
    """(B, K, N) logits of the mixture of T distributions."""
    bins = max(one.shape[-1] for one in logits)
    shares = [_log_probabilities(one * own, bins) + weight.log().unsqueeze(-1)
              for one, own, weight in zip(logits, betas, weights, strict=True)]
    return torch.stack(shares).logsumexp(0) / beta


def _log_probabilities(logits: Tensor, bins: int) -> Tensor:
    if logits.shape[-1] == bins:
        return logits.log_softmax(-1)
    return resample_bins(logits.softmax(-1), bins).clamp(min=_SMALLEST).log()
