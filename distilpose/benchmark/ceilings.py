"""What a machine can do at best: matrix products and copies, measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .machine import Machine

DTYPES = dict(float32=torch.float32, bfloat16=torch.bfloat16)
_SIZES = dict(cpu=(256, 512, 1024, 2048), cuda=(1024, 2048, 4096, 8192))
_SECONDS_OF_A_PRODUCT = 0.3  # larger products are not tried, for types that a processor only emulates
_COPIED = dict(cpu=2**26, cuda=2**30)  # bytes, beyond any cache
_REPETITIONS = 7


@dataclass(frozen=True)
class Ceilings:
    """The best rates that were measured."""

    matmul: dict[str, float]
    """Type -> FLOPs a second of a product of two square matrices; a type that does not run is absent."""
    copy: float
    """Bytes a second that copying a tensor reads and writes, both counted."""

    def share(self, flops: Mapping[str, float], seconds: float) -> float | None:
        """The time that so many FLOPs of every type would take at the ceilings, by the time that they took.

        Above 1 is possible where not all products are multiplied as counted (Winograd, TF32 in convolutions). ``None``
        where a ceiling is not known.
        """
        if not flops or not flops.keys() <= self.matmul.keys():
            return None
        return sum(count / self.matmul[dtype] for dtype, count in flops.items()) / seconds


def measure_ceilings(machine: Machine) -> Ceilings:
    """Takes the best of several products of several sizes, in every type that runs, and of several copies.

    With the process's own settings, such as whether float32 may be multiplied as TF32.
    """
    matmul = {name: rate for name, dtype in DTYPES.items() if (rate := _best_matmul(machine, dtype)) is not None}
    return Ceilings(matmul, _best_copy(machine))


def _best_matmul(machine: Machine, dtype: torch.dtype) -> float | None:
    best = 0.0
    for size in _SIZES[machine.device.type]:
        left, right = (torch.randn(size, size, device=machine.device).to(dtype) for _ in range(2))
        product = torch.empty_like(left)
        try:
            seconds = _best_seconds(partial(torch.mm, left, right, out=product), machine)
        except RuntimeError:  # this device does not multiply this type
            return None
        best = max(best, 2 * size ** 3 / seconds)
        if seconds > _SECONDS_OF_A_PRODUCT / 8:  # the next size takes eight times as long
            break
    return best


def _best_copy(machine: Machine) -> float:
    source = torch.ones(_COPIED[machine.device.type], dtype=torch.uint8, device=machine.device)
    target = torch.empty_like(source)
    return 2 * source.numel() / _best_seconds(lambda: target.copy_(source), machine)


def _best_seconds(work: Callable[[], Tensor], machine: Machine) -> float:
    work()
    seconds = []
    for _ in range(_REPETITIONS):
        start = machine.clock()
        work()
        seconds.append(machine.clock() - start)
    return max(min(seconds), 1e-9)
