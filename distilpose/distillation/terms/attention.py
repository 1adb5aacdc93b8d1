"""Attention transfer: where the student's maps are strong, the teacher's are, too."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def attention_maps(maps: Tensor, *, power: float = 2.0, weights: Tensor | None = None) -> Tensor:
    """Strength of maps at every pixel: the mean over channels of ``abs(map) ** power``, of unit length.

    Attention transfer (Zagoruyko and Komodakis, ICLR 2017, section 3.1): activation-based attention, as in the
    published code (szagoruyko/attention-transfer).

    Args:
        maps: (B, C, H, W).
        power: 2 in the published code.
        weights: (B, C) of the channels, ``None`` for ones.

    Returns:
        (B, H x W) of length 1, or 0 where all is 0.
    """
    strength = maps.abs().pow(power)
    if weights is not None:
        strength = strength * weights[:, :, None, None]
    return F.normalize(strength.mean(1).flatten(1), dim=1)


def attention_loss(student: Tensor, teacher: Tensor, *, power: float = 2.0, weights: Tensor | None = None) -> Tensor:
    """Mean squared difference of :func:`attention_maps`.

    The mean over samples and pixels, as in the published code. The paper's factor of 1000, divided by the numbers of
    pixels and samples, is a ``weight`` of 1000 here. Scaling the maps of a network changes nothing, and both may have
    any number of channels.

    Args:
        student: (B, C, H, W).
        teacher: (B, C', H, W).
        power: see :func:`attention_maps`.
        weights: (B, C) of the channels of both, ``None`` for ones.

    Returns:
        A scalar.
    """
    found, expected = (attention_maps(maps, power=power, weights=weights) for maps in (student, teacher))
    return F.mse_loss(found, expected)
