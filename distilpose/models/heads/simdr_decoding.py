"""Reading joints off two distributions, as SimDR and SimDR* publish it, and averaging those of a flipped image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from distilpose.errors import DistilPoseError

Axes = tuple[Tensor, Tensor]

AVERAGES = ('probabilities', 'logits')
SCORES = ('larger', 'smaller')
SHIFTS = ('one_bin', 'exact')


def check_option(name: str, value: str, expected: tuple[str, ...]) -> None:
    """Refuses an option of ``test_cfg`` that has no meaning.

    Raises:
        DistilPoseError: names the option.
    """
    if value not in expected:
        raise DistilPoseError(f'test_cfg.{name}={value!r}; expected one of {expected}')


def mirror(simcc: Axes, *, flip_indices: Sequence[int], shift: float) -> Axes:
    """What a network shows for a mirrored image, as if it had seen the image itself.

    Args:
        simcc: (B, K, Wx) and (B, K, Wy), anything over the bins.
        flip_indices: for every joint the one that it is in the mirror.
        shift: how many bins the reversed x axis is moved to the left.
    """
    along_x, along_y = (values[:, flip_indices] for values in simcc)
    return shift_left(along_x.flip(-1), shift), along_y


def shift_left(values: Tensor, bins: float) -> Tensor:
    """Moves (..., N) by ``bins`` to the left, between bins linearly; the last ones keep their values.

    With whole numbers it is ``values[..., :-bins] = values[..., bins:]``, as in the published implementation.
    """
    count = values.shape[-1]
    source = torch.arange(count, device=values.device, dtype=torch.float32) + bins
    source = torch.where(source > count - 1, source - bins, source)
    left = source.floor().long()
    right = (left + 1).clamp(max=count - 1)
    share = (source - left).to(values.dtype)
    return values[..., left] * (1 - share) + values[..., right] * share


def average_flipped(plain: Axes, mirrored: Axes, *, average: str) -> Axes:
    """Probabilities for an image of the logits for it and for its mirror image.

    Args:
        plain: (B, K, Wx) and (B, K, Wy) logits.
        mirrored: from :func:`mirror`.
        average: ``'probabilities'``, as SimDR does, or ``'logits'``, as SimDR* does.
    """
    check_option('average', average, AVERAGES)

    def mean(logits: Tensor, others: Tensor) -> Tensor:
        if average == 'logits':
            return ((logits + others) / 2).softmax(dim=-1)
        return (logits.softmax(dim=-1) + others.softmax(dim=-1)) / 2

    return mean(plain[0], mirrored[0]), mean(plain[1], mirrored[1])


def decode_axes(probabilities: Axes, *, ratio: float, score: str) -> tuple[Tensor, Tensor]:
    """Joints and their scores.

    Args:
        probabilities: (B, K, Wx) and (B, K, Wy).
        ratio: bins of a pixel.
        score: ``'larger'`` of both peaks, as SimDR takes it, or the ``'smaller'``, as SimDR* does.

    Returns:
        (B, K, 2) the highest bins in input pixels, and (B, K).
    """
    check_option('score', score, SCORES)
    (peak_x, bin_x), (peak_y, bin_y) = (values.max(dim=-1) for values in probabilities)
    choose = torch.maximum if score == 'larger' else torch.minimum
    return torch.stack((bin_x, bin_y), dim=-1) / ratio, choose(peak_x, peak_y)
