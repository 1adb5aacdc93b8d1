"""Signals: a training that receives SIGTERM, SIGINT (Ctrl-C), SIGUSR1 or SIGHUP saves, stops and can be resumed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor, distributed

from ...errors import Interrupted
from ..interim_checkpoints import is_resumable_now, save_now

SIGNALS = ('SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGHUP')
"""Ended by a queue or a system; Ctrl-C; SLURM's warning before the time limit; a closed terminal."""

_SAME = 0.5
"""Seconds in which a repeated signal is the first one again: ``timeout`` sends it twice, and Ctrl-C reaches a process
from the terminal and from ``torchrun``."""

_SAVED, _SECONDS_FOR_SAVING = 'distilpose/saved', 600
_SECONDS_FOR_VALIDATION = 10


@HOOKS.register_module()
class SignalHook(Hook):
    """Stops a training at a signal after the iteration, with a checkpoint that ``--resume`` continues exactly.

    A second signal ends at once. Of several processes all stop after the same iteration, whichever received the
    signal, and the first one saves. In a validation nothing is saved beside the checkpoint of its epoch. Handlers are
    those of the main thread, from the first iteration to the last; a training in another thread has none.
    """

    priority = 'LOWEST'  # after CheckpointHook, and all that changes the state in an iteration

    def __init__(self) -> None:
        self.signals = StopSignals()
        self.is_training = False
        self._agreement: Agreement | None = None
        self._done: int | None = None

    def before_train(self, runner: Runner) -> None:
        """Installs the handlers."""
        self.is_training = True
        self._agreement = Agreement() if runner.distributed else None
        self.signals.install()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """From here on the state is between two iterations' states."""
        self._done = None

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Stops where a signal was received.

        Raises:
            Interrupted: after saving.
        """
        if not is_resumable_now(runner):
            return
        self._done = runner.iter + 1
        number = self.signals.number
        if self._agreement is not None:
            number = self._agreement.exchange(number)
        if number:
            file = save_now(runner, f'stopped by {signal.Signals(number).name}')
            self._stop(runner, number, f'after {runner.iter + 1} of {runner.max_iters} iterations; {file} holds them.',
                       file)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Stops a validation of a training where a signal was received.

        Raises:
            Interrupted: with the checkpoint of the epoch, which is written if it was not.
        """
        number = self.signals.number
        if number and self.is_training:
            file = save_now(runner, f'stopped by {signal.Signals(number).name} in a validation', in_iteration=False)
            self._stop(runner, number, f'in the validation after epoch {runner.epoch}, which is not repeated; {file} '
                       f'holds all {runner.iter} iterations.', file, seconds=_SECONDS_FOR_VALIDATION)

    def after_train(self, runner: Runner) -> None:
        """Gives the handlers back.

        Raises:
            Interrupted: a signal came too late to stop anything, but what follows the training must not start.
        """
        number = self.signals.number
        self.close()
        if number:
            received = signal.Signals(number)
            raise Interrupted(received, f'Received {received.name}; the training is complete.')

    def close(self) -> None:
        """Gives the handlers back; the launcher also calls it when a run fails."""
        self.is_training = False
        self.signals.restore()

    def save_if_whole(self, runner: Runner, reason: str) -> str | None:
        """Saves after an error, if it came between two iterations, such as one of the data.

        Returns:
            The checkpoint, or ``None`` where an iteration had begun, or an epoch was about to end.
        """
        if self._done is None or not (is_main_process() and runner.iter in (self._done - 1, self._done)):
            return None
        counts_epochs = not hasattr(runner.train_loop, 'dataloader_iterator')
        if counts_epochs and self._done >= (runner.epoch + 1) * len(runner.train_dataloader):
            return None
        return save_now(runner, reason, in_iteration=runner.iter < self._done)

    def _stop(self, runner: Runner, number: int, where: str, file: str, *,
              seconds: float = _SECONDS_FOR_SAVING) -> None:
        """Ends all processes when the first one has saved."""
        if runner.distributed:
            _wait_for_the_first(seconds)
        received = signal.Signals(number)
        message = f'Stopped by {received.name} {where}'
        runner.logger.info(message)
        raise Interrupted(received, message, checkpoint=file)


class StopSignals:
    """Handlers that note the first signal, and end at the second."""

    def __init__(self) -> None:
        self.number = 0
        """The first signal that was received, or 0."""
        self._since = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        """Replaces the handlers; in other threads than the main one it does nothing, because Python cannot."""
        if threading.current_thread() is not threading.main_thread() or self._before:
            return
        self.number = 0
        for name in SIGNALS:
            received = getattr(signal, name, None)  # not all of them exist on Windows
            if received is None or name == 'SIGHUP' and signal.getsignal(received) is signal.SIG_IGN:  # nohup
                continue
            self._before[received] = signal.signal(received, self._receive)

    def restore(self) -> None:
        """Gives the handlers back that were there before."""
        while self._before:
            received, handler = self._before.popitem()
            signal.signal(received, signal.SIG_DFL if handler is None else handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now, received = time.monotonic(), signal.Signals(number)
        if not self.number:
            self.number, self._since = number, now
            if is_main_process():  # neither print nor the logger, which the signal may have interrupted
                os.write(2, f'\nReceived {received.name}: stopping after this iteration. A second signal ends at '
                            'once.\n'.encode())
        elif now - self._since >= _SAME:
            for other in self._before:
                signal.signal(other, signal.SIG_DFL)  # a third one ends what the second one could not
            raise Interrupted(received, f'Ended at once by a second signal, {received.name}.')


class Agreement:
    """Passes a signal that one process received to all processes, after the same iteration.

    Every call starts a reduction of one number, and returns the result of the last call's, which has ended by then.
    """

    def __init__(self) -> None:
        is_on_cuda = distributed.get_backend() == 'nccl'
        self._device = torch.device(get_device()) if is_on_cuda else torch.device('cpu')
        self._stream = torch.cuda.Stream(self._device) if is_on_cuda else None
        self._pending: Callable[[], int] | None = None

    def exchange(self, number: int) -> int:
        """The largest number that a process gave in the last call; 0 in the first one."""
        found = 0 if self._pending is None else self._pending()
        values = torch.full((1, ), number, dtype=torch.int32, device=self._device)
        work = distributed.all_reduce(values, distributed.ReduceOp.MAX, async_op=True)
        self._pending = _waiting(work, values) if self._stream is None else _copying(work, values, self._stream)
        return found


def _copying(work: Any, values: Tensor, stream: torch.cuda.Stream) -> Callable[[], int]:
    """Copies a result on a stream of its own, so that reading it does not wait for the training's kernels."""
    host = torch.empty(1, dtype=torch.int32, pin_memory=True)
    with torch.cuda.stream(stream):
        work.wait()
        host.copy_(values, non_blocking=True)
        values.record_stream(stream)
        done = torch.cuda.Event()
        done.record(stream)

    def read() -> int:
        done.synchronize()
        return int(host)

    return read


def _waiting(work: Any, values: Tensor) -> Callable[[], int]:
    def read() -> int:
        work.wait()
        return int(values)

    return read


def _wait_for_the_first(seconds: float) -> None:
    """Keeps the other processes, whose end would end the first one, until it has saved."""
    store = distributed.distributed_c10d._get_default_store()
    if is_main_process():
        store.set(_SAVED, '1')
        return
    try:
        store.wait([_SAVED], timedelta(seconds=seconds))
    except RuntimeError:  # it is gone, or takes longer: there is nothing to wait for
        return
