"""The device that is measured, its threads and its clock."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import torch

from distilpose.errors import DistilPoseError


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
        """What a second of the clock is, for the reader of a report."""
        where = (torch.cuda.get_device_name(self.device) if self.device.type == 'cuda' else
                 'CPU, one thread' if self.threads == 1 else f'CPU, {self.threads} threads')
        return f'{"seconds that the process was at work" if self._is_one_thread else "elapsed seconds"} ({where})'

    @property
    def _is_one_thread(self) -> bool:
        """Then the time that the process was at work tells more on a machine that others use as well."""
        return self.device.type == 'cpu' and self.threads == 1


@contextmanager
def chosen_machine(args: argparse.Namespace) -> Iterator[Machine]:
    """The machine that the command line asks for, whose threads torch and OpenCV use meanwhile.

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
