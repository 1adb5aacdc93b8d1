"""The memory that work takes at its peak."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

_STATUS, _RESET = Path('/proc/self/status'), Path('/proc/self/clear_refs')


def added_at_peak(ways: Mapping[str, Callable[[int], int]], device: torch.device) -> dict[str, int] | None:
    """Bytes that a run of every way takes at its peak, beyond what lies in memory before and between the runs.

    Weights and an optimizer's state lie there before; activations, gradients and what is only used on the way are
    counted. On CUDA these are torch's tensors, on Linux pages of the process (so that a way is charged for holes
    between its tensors, too).

    Args:
        ways: name -> what does the work of a run, given its number; each has run before.
        device: where it works.

    Returns:
        Name -> bytes, ``None`` where this system does not tell.
    """
    if device.type == 'cuda':
        return {name: _added_on_cuda(work, device) for name, work in ways.items()}
    return {name: _added_on_linux(work) for name, work in ways.items()} if _can_measure_pages() else None


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
    """Hands pages that earlier work left free back to the system, where the C library knows how (glibc)."""
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)
