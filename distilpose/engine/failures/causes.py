"""Causes of a failed run: known errors of the machine, of data workers and of processes, and their sentences."""

from __future__ import annotations

import errno
import re
import signal
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from torch.utils.data.dataloader import _BaseDataLoaderIter

from ...errors import DistilPoseError, LostProcess, MachineFailed, SampleFailed
from ..workers import describe_sample, locals_of


@dataclass(frozen=True)
class Failure:
    """What an error's text looks like, and what it means."""

    pattern: str
    """A regular expression for ``<type>: <message>``."""
    sentence: str
    """What happened and its likely cause; ``{1}`` is the pattern's first group."""
    advice: str
    """What to change."""
    kind: type[MachineFailed] = MachineFailed


_FEWER_WORKERS = 'use fewer workers (--cfg-options train_dataloader.num_workers=...)'
_SHARED_MEMORY = ('give the container more (docker run --shm-size=8g, or --ipc=host), make room in /dev/shm, or '
                  f'{_FEWER_WORKERS}')
_DESCRIPTORS = ("raise the limit of the shell with 'ulimit -n 65536', or use fewer workers, or "
                "torch.multiprocessing.set_sharing_strategy('file_system') in a module of custom_imports")
FAILURES = (
    Failure(r'[Bb]us error|insufficient shared memory',
            'a data worker died because the shared memory (/dev/shm) is full', _SHARED_MEMORY),
    Failure(r'(?:shared memory|/torch_).*(?:No space left|Cannot allocate|Resource temporarily|[Uu]navailable)',
            'the shared memory (/dev/shm), through which data workers pass batches, is full', _SHARED_MEMORY),
    Failure(r'Too many open files|ancdata|\bEMFILE\b',
            'this process has too many files open, which data workers need to pass batches', _DESCRIPTORS),
    Failure(r'DataLoader worker \(pid (\d+)\) is killed by signal: Killed',
            'the data worker {1} was killed, most likely by the system because memory ran out',
            f'{_FEWER_WORKERS} or smaller batches, or give the job more memory'),
    Failure(r'DataLoader worker \(pid (\d+)\) is killed by signal: ([\w ]+)',
            'the data worker {1} was ended by a signal ({2})',
            'look for what sent it, or for a crash of a library: with train_dataloader.num_workers=0 it shows where'),
    Failure(r'DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) exited unexpectedly',
            'the data worker {1} ended without a message, most likely killed because memory ran out',
            f'{_FEWER_WORKERS} or smaller batches, or give the job more memory'),
    Failure(r'DataLoader timed out after (\d+)', 'the data workers delivered nothing for {1} seconds',
            'look at the disk or network that the images come from, or raise train_dataloader.timeout'),
    Failure(r'Pin memory thread exited unexpectedly', 'the thread that pins memory died',
            'set train_dataloader.pin_memory=False, or give the job more memory'),
    Failure(r'OutOfMemoryError: (?:CUDA|HIP|XPU|MPS)|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED',
            'the GPU has not enough memory', 'use smaller batches (--cfg-options train_dataloader.batch_size=...), or '
            '--amp, or end other programs on this GPU'),
    Failure(r"DefaultCPUAllocator.*(?:can't|not enough|Cannot)|^MemoryError|\bENOMEM\b|Cannot allocate memory",
            'this machine has not enough memory',
            f'use smaller batches, {_FEWER_WORKERS}, or give the job more memory'),
    Failure(r"can't start new thread|\bEAGAIN\b|^BlockingIOError", 'the system starts no more processes or threads',
            f"raise the limit with 'ulimit -u', or {_FEWER_WORKERS}"),
    Failure(r'^(?:Connection\w*Error|EOFError|BrokenPipeError|FileNotFoundError).* in multiprocessing$',
            'a data worker died while it passed a batch, most likely killed because memory ran out',
            f'{_FEWER_WORKERS} or smaller batches, or give the job more memory'),
    Failure(r'(?i)connection (?:closed|reset)|broken pipe.*rank|ncclRemoteError|ncclSystemError|DistBackendError|'
            r'gloo.*(?:timed out|timeout)|Watchdog caught collective|heartbeat|remote process exited',
            'another process of this run ended, or does not respond', 'its own message has the cause', LostProcess),
)
"""The first that fits is taken."""
_ERRNO = {errno.EMFILE: ' EMFILE', errno.ENFILE: ' EMFILE', errno.ENOMEM: ' ENOMEM', errno.EAGAIN: ' EAGAIN'}
_SECONDS_FOR_AN_END = 2
IN_A_WORKER = re.compile(r'^Caught \w+ in DataLoader worker process \d+\.\nOriginal Traceback')


def recognise(error: BaseException) -> MachineFailed | None:
    """The sentence for an error of the machine, of torch's workers or of its processes, or of a sample.

    Args:
        error: what ended the run.

    Returns:
        The error to raise in its place, or ``None`` for one whose message suffices or that is not known.
    """
    if isinstance(error, SampleFailed):
        line = last_line(str(error))
        own = [failure for failure in FAILURES if failure.kind is not LostProcess]
        return _first_match(line, own) or SampleFailed(line)
    if isinstance(error, DistilPoseError):
        return None
    for text in (*_dead_workers(error), *map(_text, reversed([*_chain(error)]))):  # the first is the most specific
        known = _first_match(text, FAILURES)
        if known is not None:
            return known
    sentence = describe_sample(error)
    return None if sentence is None else SampleFailed(sentence)


def _first_match(text: str, failures: Sequence[Failure]) -> MachineFailed | None:
    for failure in failures:
        found = re.search(failure.pattern, text, re.DOTALL)
        if found:
            return failure.kind(f'{failure.sentence.format(found[0], *found.groups())}; {failure.advice}')
    return None


def _dead_workers(error: BaseException) -> Iterator[str]:
    """The message of torch about a worker that a signal ended; torch raises it too late while a batch is passed on."""
    for values in locals_of(error.__traceback__):
        workers = getattr(values.get('self'), '_workers', None)
        if isinstance(values.get('self'), _BaseDataLoaderIter) and workers:
            ended = wait([worker.sentinel for worker in workers], timeout=_SECONDS_FOR_AN_END if _place(error) else 0)
            for worker in workers:
                if worker.sentinel in ended:  # closed a moment before the process can be waited for
                    worker.join(_SECONDS_FOR_AN_END)
                if (worker.exitcode or 0) < 0:
                    yield (f'DataLoader worker (pid {worker.pid}) is killed by signal: '
                           f'{signal.strsignal(-worker.exitcode)}')
            return


def _text(error: BaseException) -> str:
    return f'{type(error).__name__}: {error}{_ERRNO.get(getattr(error, "errno", None) or 0, "")}{_place(error)}'


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, or while."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        current = current.__cause__ or current.__context__


def _place(error: BaseException) -> str:
    """`` in multiprocessing`` for an error raised where processes hand over objects."""
    frames = traceback.extract_tb(error.__traceback__)
    return ' in multiprocessing' if any('multiprocessing' in Path(frame.filename).parts for frame in frames) else ''


def last_line(message: str) -> str:
    """Of an error in a worker, which torch gives the whole traceback for a message, the message."""
    if not IN_A_WORKER.match(message):
        return message
    line = message.strip().splitlines()[-1]
    return re.sub(r'^[\w.]+: ', '', line)
