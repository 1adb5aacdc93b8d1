"""Finite weights: finding NaN and infinite values, and refusing files with some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from ..errors import BadCheckpoint

_NAMED = 3


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all values are finite; one synchronisation per device unless some are not.

    Args:
        tensors: of any shape; those that are not floating-point numbers are left out.
    """
    values = [tensor for tensor in tensors if tensor.is_floating_point() and tensor.numel() and not tensor.is_meta]
    values.sort(key=lambda tensor: str(tensor.device))
    for _, group in groupby(values, key=lambda tensor: tensor.device):
        ours = [tensor.detach() for tensor in group]
        # A sum takes a fifth of the time of `isfinite`, and is finite only if all summands are.
        sums = torch.stack([tensor.sum(dtype=torch.float32) for tensor in ours])
        if not sums.isfinite().all() and not all(tensor.isfinite().all() for tensor in ours):
            return False
    return True


def not_finite(tensors: Mapping[str, Any]) -> list[str]:
    """The names of the tensors with a NaN or infinite value.

    Masks of 0 and -inf, as attention has them among its buffers, are constants and no names of them are returned.

    Args:
        tensors: by name, of any shape; what is no tensor is left out.
    """
    named = {name: value for name, value in tensors.items() if isinstance(value, Tensor)}
    if all_finite(named.values()):
        return []
    return [name for name, value in named.items() if not all_finite([value]) and not _is_mask(value)]


def describe(tensors: Mapping[str, Any], names: list[str]) -> str:
    """``'2 of 120 are not finite: backbone.conv1.weight (3 of 432 values), ...'``."""
    def count(name: str) -> str:
        value = tensors[name]
        return f'{name} ({int((~value.isfinite()).sum())} of {value.numel()} values)'

    rest = ', ...' if len(names) > _NAMED else ''
    return f'{len(names)} of {len(tensors)} are not finite: {", ".join(map(count, names[:_NAMED]))}{rest}'


def require_finite(state: Mapping[str, Any], *, source: str) -> None:
    """Refuses weights of a file that are not finite.

    Args:
        state: the weights by name.
        source: their name in messages, such as the path of the file.

    Raises:
        BadCheckpoint: names the first of them.
    """
    names = not_finite(state)
    if names:
        raise BadCheckpoint(f'{source} holds weights that are no numbers: {describe(state, names)}. The training that '
                            'wrote it had failed; take an earlier checkpoint of it')


def _is_mask(value: Tensor) -> bool:
    finite = value[value.isfinite()]
    return bool(finite.numel()) and not finite.any() and not value.isnan().any() and bool((value <= 0).all())
