"""Errors that end a run: a sentence, the traceback in the log file, and a checkpoint where the state is whole."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.runner import BaseLoop, Runner, TestLoop, ValLoop
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ...errors import DistilPoseError, Interrupted, MachineFailed, note
from ..hooks.signals import SignalHook
from ..unwrapped_model import unwrapped_model
from ..workers import deaths_of_workers_ignored, locals_of
from . import first_batch
from .causes import IN_A_WORKER, last_line, recognise


@contextmanager
def failures_as_sentences(runner: Runner) -> Iterator[None]:
    """Logs the traceback of what ends a run to its log file, and raises a sentence for what is known.

    Raises:
        MachineFailed: with the checkpoint to resume from.
        Interrupted: for an error that comes from a signal which another process of the run received as well.
    """
    try:
        yield
    except Interrupted as stop:
        stop.checkpoint = stop.checkpoint or _last_checkpoint(runner)
        raise
    except Exception as error:
        with deaths_of_workers_ignored():
            _fail(runner, error)
        raise


def _fail(runner: Runner, error: Exception) -> None:
    """Raises a sentence for a known error, and returns for another."""
    log = log_traceback(runner, error)
    note(error, activity=_activity(error, runner), traceback_file=log)
    hook = next((hook for hook in runner.hooks if isinstance(hook, SignalHook)), None)
    known = recognise(error)
    for values in locals_of(error.__traceback__):  # left to garbage collection, the other workers' ends are errors too
        if isinstance(values.get('self'), _BaseDataLoaderIter) and hasattr(values['self'], '_shutdown_workers'):
            values['self']._shutdown_workers()
    if known is None:
        if isinstance(error, DistilPoseError) and IN_A_WORKER.match(str(error)):
            raise type(error)(last_line(str(error))) from error
        _raise_for_first_batch(error, runner, log)
        return
    checkpoint = _save(runner, hook, known) or _last_checkpoint(runner)
    if hook is not None and hook.signals.number:
        received = signal.Signals(hook.signals.number)
        raise Interrupted(received, f'Stopped by {received.name}, which ended other processes of the run too.',
                          checkpoint=checkpoint) from error
    raise type(known)(_with_state(str(known), runner, checkpoint, log), checkpoint=checkpoint) from error


def _raise_for_first_batch(error: Exception, runner: Runner, log: Path | None) -> None:
    """Raises a sentence for an error that the network raised of the first batch, before anything was trained."""
    loops = [values['self'] for values in locals_of(error.__traceback__) if isinstance(values.get('self'), BaseLoop)]
    if isinstance(error, DistilPoseError) or not loops:
        return
    part = 'val' if isinstance(loops[-1], ValLoop) else 'test' if isinstance(loops[-1], TestLoop) else 'train'
    if part != 'test' and runner.iter > 0:
        return
    known = first_batch.describe(error, unwrapped_model(runner), batch=f'a batch of {part}_dataloader',
                                 loader=f'{part}_dataloader')
    if known is not None:
        note(known, traceback_file=log)
        raise known from error


def _activity(error: BaseException, runner: Runner) -> str:
    """What the run was doing: building, or the loop that the error came from."""
    loops = [values['self'] for values in locals_of(error.__traceback__) if isinstance(values.get('self'), BaseLoop)]
    if not loops:
        return 'preparing the run'
    if isinstance(loops[-1], ValLoop):
        return f'validating after iteration {runner.iter}' if len(loops) > 1 else 'validating'
    return 'testing' if isinstance(loops[-1], TestLoop) else f'training, in iteration {runner.iter + 1}'


def log_traceback(runner: Runner, error: BaseException) -> Path | None:
    """Writes a traceback to the log file of the run, of other processes than the first to one of their own.

    Returns:
        The file, or ``None`` if it cannot be written, as on a full disk.
    """
    file = Path(runner.logger.log_file) if is_main_process() and getattr(runner.logger, 'log_file', None) else Path(
        runner.log_dir, f'rank_{runner.rank}.log')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open('a', encoding='utf-8') as stream:
            stream.writelines(traceback.format_exception(error))
    except OSError:
        return None
    return file


def _save(runner: Runner, hook: SignalHook | None, failure: MachineFailed) -> str | None:
    """Saves what is whole; what keeps it from being saved must not hide why the run ended."""
    if hook is None or not hook.is_training:
        return None
    try:
        return hook.save_if_whole(runner, f'the run failed: {failure}')
    except Exception as error:
        log_traceback(runner, error)
        return None


def _last_checkpoint(runner: Runner) -> str | None:
    file = runner.message_hub.runtime_info.get('last_ckpt')
    return str(file) if file and Path(str(file)).is_file() else None


def _with_state(sentence: str, runner: Runner, checkpoint: str | None, log: Path | None) -> str:
    parts = [sentence]
    if runner._train_loop is not None and not isinstance(runner._train_loop, dict):
        parts.append(f'the training can be resumed from {checkpoint}' if checkpoint else
                     'there is no checkpoint to resume from yet')
    if log is not None:
        parts.append(f'the traceback is in {log}')
    return '. '.join(f'{part[0].upper()}{part[1:]}' if place else part for place, part in enumerate(parts)) + '.'
