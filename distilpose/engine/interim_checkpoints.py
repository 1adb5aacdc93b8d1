"""Checkpoints between those of a schedule: before a run stops at a signal, after a failure, every few minutes.

They lie beside those of ``CheckpointHook``, are named after the iteration, and are what ``--resume`` finds. Only the
newest is kept, until the schedule writes one.
"""

from __future__ import annotations

import re
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from ..checkpoints.writing import write_atomically
from .non_finite import wrappers_of

_INTERIM = 'interim_checkpoints'  # names in the message hub, which every checkpoint has
_NAME = re.compile(r'iter_\d+\.pth')
_LAST = 'last_ckpt'  # mmengine's


def is_resumable_now(runner: Runner) -> bool:
    """Whether a checkpoint holds all that matters: there are no gradients accumulated for a later step."""
    return all(wrapper.should_update() for wrapper in wrappers_of(runner.optim_wrapper))


def save_now(runner: Runner, reason: str, *, in_iteration: bool = True) -> str:
    """Writes a checkpoint of the current state that a resumed run continues exactly, and makes it the last one.

    Every process calls it, the first one writes. Where the schedule has just written one, that one is returned.

    Args:
        runner: in training.
        reason: for the log, such as ``'stopped by SIGTERM'``.
        in_iteration: the newest iteration is done and not counted yet, as in ``after_train_iter``; otherwise it is, as
            between two iterations and in a validation.

    Returns:
        The checkpoint.
    """
    iteration = runner.iter + in_iteration
    hub, name = runner.message_hub, f'iter_{iteration}.pth'
    hook = next((hook for hook in runner.hooks if isinstance(hook, CheckpointHook)), None)
    written = str(hub.runtime_info.get(_LAST) or '')
    names = [name]
    if not in_iteration and hook is not None and hook.by_epoch:
        names.append(hook.filename_tmpl.format(runner.epoch))
    if Path(written).name in names and Path(written).is_file():
        return written
    folder = _folder(hook, runner)
    file = str(Path(folder, name))
    hub.update_info(_INTERIM, [*(hub.runtime_info.get(_INTERIM) or ()), name])
    hub.update_info(_LAST, file)
    runner.save_checkpoint(folder, name, by_epoch=False, meta=dict(epoch=runner.epoch, iter=iteration))
    if is_main_process():
        write_atomically(Path(runner.work_dir, 'last_checkpoint'), file)
    _keep_interim(runner, [name], folder=folder)
    runner.logger.info(f'Saved {file}: {reason}.')
    return file


def remove_interim(runner: Runner) -> None:
    """Deletes the checkpoints of :func:`save_now`; for after the schedule has written a newer one."""
    hook = next((hook for hook in runner.hooks if isinstance(hook, CheckpointHook)), None)
    last = Path(str(runner.message_hub.runtime_info.get(_LAST) or '')).name
    _keep_interim(runner, [last] if _NAME.fullmatch(last) else [], folder=_folder(hook, runner))


def _folder(hook: CheckpointHook | None, runner: Runner) -> str:
    """Where the checkpoints of the schedule are."""
    return str(getattr(hook, 'out_dir', None) or runner.work_dir)


def _keep_interim(runner: Runner, kept: list[str], *, folder: str) -> None:
    names = list(runner.message_hub.runtime_info.get(_INTERIM) or ())
    if not names:
        return
    runner.message_hub.update_info(_INTERIM, [name for name in kept if name in names])
    if is_main_process():
        for name in names:
            if name not in kept and _NAME.fullmatch(str(name)):
                Path(folder, name).unlink(missing_ok=True)
