"""Relational knowledge distillation (RKD): relative distances and angles between samples, or between joints."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SHORTEST = 1e-3
"""Of the mean length: shorter vectors have no direction, so that gradients of angles stay bounded."""
_TINY = 1e-12


def distance_loss(student: Tensor, teacher: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Huber distance between relative pairwise distances: those of a group divided by their mean.

    RKD-D (Park et al., CVPR 2019, section 3.2). As in the published code (checked in mdistiller's copy) it is the mean
    over all N x N pairs, those of a point with itself included, and the mean distance is that over the others. Moving,
    turning and scaling the points of a network changes nothing.

    Args:
        student: (G, N, D): G groups of N points.
        teacher: (G, N, D') of as many points, of any D'.
        weights: (G, N) of the points, ``None`` for ones; a pair has the product of its two, and pairs of weight 0
            count as zeros in the mean.

    Returns:
        A scalar; 0 for groups of one point.
    """
    pairs = _pair_weights(student, weights)
    found, expected = (relative_lengths(_differences(points), pairs) for points in (student, teacher))
    return (F.smooth_l1_loss(found, expected, reduction='none') * pairs).mean()


def angle_loss(student: Tensor, teacher: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Huber distance between the cosines of the angles that any two points of a group form at a third.

    RKD-A (Park et al., CVPR 2019, section 3.2), the mean over all N x N x N triples as in the published code. Moving,
    turning and scaling the points of a network changes nothing. Where two points are closer than a thousandth of the
    mean distance, in one of the networks, there is no angle, and no gradient; the published code divides by 1e-12
    there. Takes the memory of G x N x N x (D + N) numbers.

    Args:
        student: (G, N, D): G groups of N points.
        teacher: (G, N, D') of as many points, of any D'.
        weights: (G, N) as in :func:`distance_loss`; a triple has the product of its three.

    Returns:
        A scalar; 0 for groups of one or two points.
    """
    count, pairs = student.shape[1], _pair_weights(student, weights)
    (found, is_long), (expected, is_long_too) = (
        (units.unflatten(1, (count, count)), is_long.unflatten(1, (count, count)))
        for units, is_long in (directions(_differences(points), pairs) for points in (student, teacher)))
    sides = is_long * is_long_too * _pair_weights(student, None).unflatten(1, (count, count))
    triples = F.smooth_l1_loss(found @ found.mT, expected @ expected.mT, reduction='none')
    if weights is not None:
        sides, triples = sides * weights[:, None], triples * weights[:, :, None, None]
    return (triples * sides[..., None] * sides[..., None, :]).mean()


def relative_lengths(vectors: Tensor, weights: Tensor) -> Tensor:
    """(G, N, D) vectors to their (G, N) lengths, divided by the mean length of their group; 0 if that is 0.

    Args:
        vectors: G groups of N vectors.
        weights: (G, N) in the mean.
    """
    lengths = torch.linalg.vector_norm(vectors, dim=-1)
    return lengths / _mean(lengths, weights).clamp(min=_TINY)


def directions(vectors: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """(G, N, D) vectors of length 1, and (G, N) whether they were long enough for a direction, see :data:`SHORTEST`.

    Args:
        vectors: G groups of N vectors; those that are too short are left as they are.
        weights: (G, N) in the mean length of a group.
    """
    lengths = torch.linalg.vector_norm(vectors, dim=-1)
    is_long = lengths > SHORTEST * _mean(lengths.detach(), weights)
    return vectors / torch.where(is_long, lengths, 1.0)[..., None], is_long


def _mean(lengths: Tensor, weights: Tensor) -> Tensor:
    return (lengths * weights).sum(-1, keepdim=True) / weights.sum(-1, keepdim=True).clamp(min=_TINY)


def _differences(points: Tensor) -> Tensor:
    """(G, N, D) points to (G, N x N, D) vectors, from every point to all."""
    return (points[:, None] - points[:, :, None]).flatten(1, 2)


def _pair_weights(points: Tensor, weights: Tensor | None) -> Tensor:
    """(G, N x N) or (1, N x N), 0 for a point with itself."""
    others = 1 - torch.eye(points.shape[1], dtype=points.dtype, device=points.device)[None]
    return (others if weights is None else others * weights[:, :, None] * weights[:, None]).flatten(1)
