"""Data workers: signals to a whole process group do not reach them, and a sample that fails is named."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from mmcv.transforms import BaseTransform
from torch.utils.data._utils.fetch import _MapDatasetFetcher

from ..errors import DistilPoseError, SampleFailed
from ..image_files import why_unreadable


def prepare_workers(loader: Any) -> None:
    """Lets a loader's workers begin with :class:`WorkerStart`."""
    if getattr(loader, 'num_workers', 0) and not isinstance(loader.worker_init_fn, WorkerStart):
        loader.worker_init_fn = WorkerStart(loader.worker_init_fn)


class WorkerStart:
    """The first call in a worker process.

    Workers work on while their parent, which received the same signal, finishes an iteration; they end when the parent
    ends them or is gone.

    Args:
        initialise: the loader's own first call.
    """

    def __init__(self, initialise: Callable[[int], None] | None) -> None:
        self.initialise = initialise

    def __call__(self, worker: int) -> None:
        """In worker number ``worker``."""
        for name in ('SIGINT', 'SIGUSR1', 'SIGHUP'):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        if hasattr(signal, 'sigwaitinfo'):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            threading.Thread(target=_end_with_parent, args=(os.getppid(), ), daemon=True).start()
        setattr(_MapDatasetFetcher, 'fetch', _naming(_MapDatasetFetcher.fetch))  # noqa: B010 - host/table.py
        if self.initialise is not None:
            self.initialise(worker)


def _end_with_parent(parent: int) -> None:
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
        continue
    os._exit(0)


def _naming(fetch: Callable[..., Any]) -> Callable[..., Any]:
    """Torch keeps nothing of a worker's exception but its text: here the sample can still be found."""
    def fetch_and_name(self: Any, indices: Any) -> Any:
        try:
            return fetch(self, indices)
        except DistilPoseError:
            raise
        except Exception as error:
            sentence = describe_sample(error)
            if sentence is None:
                raise
            raise SampleFailed(sentence) from error

    return fetch_and_name


def describe_sample(error: BaseException) -> str | None:
    """Which image could not be prepared by which step of the pipeline, and why.

    Returns:
        A sentence, or ``None`` for an error that did not come from a data pipeline.
    """
    image = step = None
    for values in locals_of(error.__traceback__):
        results = next((values[name] for name in ('results', 'data', 'data_info')
                        if isinstance(values.get(name), dict) and 'img_path' in values[name]), None)
        image = results if results is not None else image
        if isinstance(values.get('self'), BaseTransform):
            step = step or type(values['self']).__name__
    if image is None:
        return None
    person = f' (annotation {image["id"]})' if image.get('id') is not None else ''
    text = ' '.join(str(error).split())
    problem = _problem(image['img_path'])
    reason = f'it {problem}' if problem else f'{type(error).__name__}{f": {text}" if text else ""}'
    return (f'the image {image["img_path"]}{person} could not be prepared{f" by {step}" if step else ""}: {reason}; '
            'mend or remove this image or its annotation, or the step of the pipeline')


def _problem(path: Any) -> str | None:
    """What is wrong with an image file of this machine, as far as it can be found out."""
    if not isinstance(path, str) or '://' in path:
        return None
    try:
        return why_unreadable(path)
    except OSError:
        return None


def locals_of(frame: TracebackType | None) -> Iterator[dict[str, Any]]:
    """The local variables of every frame of a traceback, the outermost first."""
    while frame is not None:
        yield frame.tb_frame.f_locals
        frame = frame.tb_next


@contextmanager
def deaths_of_workers_ignored() -> Iterator[None]:
    """Keeps torch's handler from raising an error about a worker while another one, or the same, is dealt with."""
    if not hasattr(signal, 'SIGCHLD') or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL if before is None else before)
