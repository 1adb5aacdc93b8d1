"""The machine: device, threads and clock, its ceilings (matrix products, copies), and memory at the peak."""

from __future__ import annotations

import argparse
import ctypes
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import torch
from torch import Tensor

from distilpose.errors import DistilPoseError

DTYPES = dict(float32=torch.float32, bfloat16=torch.bfloat16)
_SIZES = dict(cpu=(256, 512, 1024, 2048), cuda=(1024, 2048, 4096, 8192))
_SECONDS_OF_A_PRODUCT = 0.3  # larger products are not tried, for types that a processor only emulates
_COPIED = dict(cpu=2**26, cuda=2**30)  # bytes, beyond any cache
_REPETITIONS = 7
_STATUS, _RESET = Path('/proc/self/status'), Path('/proc/self/clear_refs')


@dataclass(frozen=True)
class Machine:
    """A device and the threads that a process has on the CPU."""

    device: torch.device
    threads: int

    def clock(self) -> float:
        """Seconds: on CUDA elapsed ones, once the device has done its work; see :attr:`meaning` for the others."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return time.process_time() if self._is_one_thread else time.perf_counter()

    @property
    def meaning(self) -> str:
        """The clock, in words."""
        where = (torch.cuda.get_device_name(self.device) if self.device.type == 'cuda' else
                 'CPU, one thread' if self.threads == 1 else f'CPU, {self.threads} threads')
        return f'{"seconds that the process was at work" if self._is_one_thread else "elapsed seconds"} ({where})'

    @property
    def _is_one_thread(self) -> bool:
        """Then CPU time is the better measure, on a machine that others use as well."""
        return self.device.type == 'cpu' and self.threads == 1


@contextmanager
def chosen_machine(args: argparse.Namespace) -> Iterator[Machine]:
    """The machine that the command line names; torch and OpenCV use its number of threads meanwhile.

    Raises:
        DistilPoseError: there is no such device, or not that many threads.
    """
    count = torch.get_num_threads() if args.threads is None else args.threads
    if count < 1:
        raise DistilPoseError(f'--threads is {count}; at least one is needed')
    device = find_device(args.device)
    with working_threads(count):
        yield Machine(device, count)


def find_device(name: str | None) -> torch.device:
    """The device of this name; without a name CUDA's where there is one, and else the CPU.

    Raises:
        DistilPoseError: there is no such device.
    """
    has_cuda = torch.cuda.is_available()
    try:
        device = torch.device(name or ('cuda' if has_cuda else 'cpu'))
    except RuntimeError as error:
        raise DistilPoseError(f'--device is {name!r}; expected cpu, cuda or cuda:N') from error
    if device.type not in ('cpu', 'cuda'):
        raise DistilPoseError(f'--device is {name!r}; memory and times are measured on cpu and cuda only')
    if device.type == 'cuda' and not has_cuda:
        raise DistilPoseError(f'--device is {name!r}, and torch finds no CUDA device here; use --device cpu')
    if device.type == 'cuda' and (device.index or 0) >= torch.cuda.device_count():
        raise DistilPoseError(f'--device is {name!r}, and there are {torch.cuda.device_count()} CUDA devices; they '
                              'count from 0')
    return device


@contextmanager
def working_threads(count: int) -> Iterator[None]:
    """Torch and OpenCV use so many threads on the CPU."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(count)
    cv2.setNumThreads(0 if count == 1 else count)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


@dataclass(frozen=True)
class Ceilings:
    """The best measured rates."""

    matmul: dict[str, float]
    """Type -> FLOPs a second of a product of two square matrices; a type that does not run is absent."""
    copy: float
    """Bytes a second that copying a tensor reads and writes, both counted."""

    def share(self, flops: Mapping[str, float], seconds: float) -> float | None:
        """The time that these FLOPs of every type take at the ceilings, divided by ``seconds``.

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


def added_at_peak(variants: Mapping[str, Callable[[int], int]], device: torch.device) -> dict[str, int] | None:
    """Bytes that a run of every variant takes at its peak, beyond what lies in memory before and between the runs.

    Weights and an optimizer's state lie there before; activations, gradients and what is only used on the way are
    counted. On CUDA these are torch's tensors, on Linux pages of the process (so that a variant is charged for holes
    between its tensors, too).

    Args:
        variants: name -> function that does the work of run number N; each has run before.
        device: that they use.

    Returns:
        Name -> bytes, ``None`` where this system does not report it.
    """
    if device.type == 'cuda':
        return {name: _added_on_cuda(work, device) for name, work in variants.items()}
    return {name: _added_on_linux(work) for name, work in variants.items()} if _can_measure_pages() else None


def _added_on_cuda(work: Callable[[int], int], device: torch.device) -> int:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work(0)
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def _added_on_linux(work: Callable[[int], int]) -> int:
    _return_free_pages()
    _RESET.write_text('5')  # from now on the high-water mark counts anew, man 5 proc
    before = _pages('VmRSS')
    work(0)
    return max(_pages('VmHWM') - before, 0)


def _can_measure_pages() -> bool:
    try:
        _RESET.write_text('5')
        return _pages('VmHWM') > 0
    except (OSError, LookupError):
        return False


def _pages(name: str) -> int:
    found = re.search(rf'^{name}:\s*(\d+) kB$', _STATUS.read_text(), flags=re.MULTILINE)
    if found is None:
        raise LookupError(name)
    return 1024 * int(found[1])


def _return_free_pages() -> None:
    """Hands pages that earlier work left free back to the system, where the C library can (glibc)."""
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)
