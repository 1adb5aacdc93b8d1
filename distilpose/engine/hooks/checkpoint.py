"""Checkpoint hook: a file is complete before older ones are deleted; also every few minutes within an epoch."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints.integrity import damage_of
from ...checkpoints.safe_loading import read_outline
from ...checkpoints.writing import size_of, write_atomically
from ...errors import DistilPoseError, RunFailed
from ...evaluation.metrics import is_a_figure
from ..interim_checkpoints import is_resumable_now, remove_interim, save_now
from ..unwrapped_model import unwrapped_model

_BEST = 'best_'
_OUTDATED, _LAST = 'outdated_ckpts', 'last_ckpt'  # names in the message hub; the second is mmengine's


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's CheckpointHook, with which a kill or a full disk at any moment loses nothing that was saved.

    - A checkpoint, and the best one, is whole on the disk before the ones that it replaces are deleted; mmengine
      deletes first. What is still to be deleted is in the checkpoint too: a resumed run does it.
    - ``last_checkpoint`` is written atomically, as checkpoints are (:mod:`distilpose.checkpoints.writing`).
    - Every few minutes ``iter_N.pth`` is written within an epoch, from which a run resumes exactly there
      (:func:`~distilpose.engine.interim_checkpoints.save_now`). One is kept, until the next checkpoint.
    - A metric that is NaN, infinite or -1, which COCO's means "nothing to measure", is never the best one.
    - The best checkpoint of a resumed run is looked for where the run is now; without one, the next is the best.

    Args:
        minutes: between two checkpoints within an epoch, by the clock of the first process, which alone writes;
            ``None`` writes none.
        kwargs: of mmengine's CheckpointHook.
    """

    file_backend: Any

    def __init__(self, *args: Any, minutes: float | None = 10.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if minutes is not None and not minutes > 0:
            raise DistilPoseError(f'minutes of SafeCheckpointHook is {minutes}; expected a number above 0, or None for '
                                  'no checkpoints within an epoch')
        self.minutes = minutes
        self.outdated: list[str] = []
        """Names of the files to delete once the next checkpoint is whole."""
        self.saved = time.monotonic()
        self.resumed: Mapping[str, Any] = {}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keeps the metadata of the checkpoint to resume from."""
        self.resumed = checkpoint.get('meta', {}) if runner._resume else {}

    def before_train(self, runner: Runner) -> None:
        """Finds the best checkpoint of the run that is resumed, and finishes deletions of a killed one."""
        info = runner.message_hub.runtime_info
        folder = self._local_folder(runner)
        if folder is not None:
            _check_space(runner, folder)
            if self.resumed:
                _adopt_best(runner, folder, self.resumed)
            for key in [key for key in info if key.startswith('best_ckpt')]:
                _relocate_best(runner, key, folder)
        if 'keep_ckpt_ids' in info:  # a checkpoint may be of a stranger, and what it names is deleted
            info['keep_ckpt_ids'] = [step for step in info['keep_ckpt_ids'] or () if isinstance(step, int)]
        super().before_train(runner)
        self.file_backend = _Deferring(self.file_backend, lambda path: self._mark(runner, Path(path).name))
        self.outdated = [str(name) for name in info.get(_OUTDATED) or () if self._is_own(str(name))]
        self._remove_outdated(runner)
        self.saved = time.monotonic()

    def _is_own(self, name: str) -> bool:
        """Whether a file may be one that this hook wrote, by the shape of its name."""
        pattern = re.escape(self.filename_tmpl).replace(r'\{\}', r'\d+')
        return re.fullmatch(rf'{pattern}|{_BEST}[^/\\]+', name) is not None

    def _local_folder(self, runner: Runner) -> Path | None:
        """Where checkpoints go, as far as that is a folder of this machine."""
        if self.out_dir is None or self.out_dir == runner.work_dir:
            return Path(runner.work_dir)
        return None if '://' in str(self.out_dir) else Path(self.out_dir, Path(runner.work_dir).name)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Saves when it is time to."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        is_due = self.minutes is not None and time.monotonic() - self.saved >= 60 * self.minutes
        if is_due and is_main_process() and is_resumable_now(runner):
            save_now(runner, f'{self.minutes:g} minutes after the checkpoint before')
            self.saved = time.monotonic()

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        """As mmengine's, with the deletions at the end."""
        name = self.filename_tmpl.format(step)
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                self._mark(runner, self.filename_tmpl.format(self.keep_ckpt_ids[0]))
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info(_LAST, self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir, name, self.file_client_args, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta, by_epoch=self.by_epoch,
            backend_args=self.backend_args, **self.args)
        if is_main_process():
            write_atomically(Path(runner.work_dir, 'last_checkpoint'), str(self.last_ckpt))
        self._remove_outdated(runner)
        remove_interim(runner)
        self.saved = time.monotonic()

    def _save_best_checkpoint(self, runner: Runner, metrics: Mapping[str, Any]) -> None:
        """As mmengine's, for metrics that are numbers; the old best one is deleted at the end."""
        if not self.save_best:
            return
        names = [name for name in self.key_indicators if name != 'auto'] or list(metrics)[:1]
        missing = [name for name in names if name not in metrics]
        if missing:
            raise RunFailed(f'save_best of the checkpoint hook names {", ".join(missing)}, which is none of the '
                            f'metrics: {", ".join(metrics)}; name one of these')
        unusable = {name: metrics[name] for name in names if not is_a_figure(metrics[name])}
        for name, value in unusable.items():
            runner.logger.warning(f'{name} is {value}, which is no result: this model is not taken as the best one.')
        super()._save_best_checkpoint(runner, {**metrics, **dict.fromkeys(unusable)})
        self._remove_outdated(runner)

    def _mark(self, runner: Runner, name: str) -> None:
        """Lets a file be deleted once the next checkpoint, which records that too, is whole."""
        if name not in self.outdated:
            self.outdated.append(name)
        runner.message_hub.update_info(_OUTDATED, list(self.outdated))

    def _remove_outdated(self, runner: Runner) -> None:
        kept = {Path(str(path)).name for key, path in runner.message_hub.runtime_info.items()
                if key.startswith('best_ckpt') or key == _LAST}
        for name in self.outdated:
            path = self.file_backend.join_path(self.out_dir, name)
            if is_main_process() and name not in kept and self.file_backend.isfile(path):
                self.file_backend.delete(path)
        self.outdated = []
        runner.message_hub.update_info(_OUTDATED, [])


class _Deferring:
    """A file backend of mmengine that marks files instead of deleting them.

    Args:
        backend: does everything else.
        mark: takes the path of a file to delete later.
    """

    def __init__(self, backend: Any, mark: Callable[[str], None]) -> None:
        self.backend, self.remove = backend, mark
        self.delete = backend.remove

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)


def _check_space(runner: Runner, folder: Path) -> None:
    """Refuses a disk on which not even the weights alone have space."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    needed, free = size_of(unwrapped_model(runner).state_dict()), shutil.disk_usage(existing).free
    if is_main_process() and free < needed:
        raise DistilPoseError(f'no checkpoint fits into {folder}: the weights alone need {needed / 1e6:.1f} MB, and '
                              f'{free / 1e6:.1f} MB are free there; make room, or name another --work-dir')


def _relocate_best(runner: Runner, key: str, folder: Path) -> None:
    """Corrects where the best checkpoint is, in case the directory was moved or copied; forgets one that is not whole.

    mmengine would delete the file of the directory that this one was copied from.
    """
    info = runner.message_hub.runtime_info
    score = key.replace('best_ckpt', 'best_score', 1)
    if info[key] is None:
        return
    file = folder / Path(str(info[key])).name
    is_there = file.is_file() and file.name.startswith(_BEST)
    problem = _problem_of(file) if is_there else f'{file} does not exist'
    if problem is None and is_a_figure(info.get(score)):
        runner.message_hub.update_info(key, str(file))
        return
    for name in (key, score):
        runner.message_hub.pop_info(name, None)
        runner.message_hub._resumed_keys.pop(name, None)
    reason = problem or f'its metric is {info.get(score)}'
    runner.logger.warning(f'The best checkpoint so far is lost: {reason}. The next model that is evaluated is taken as '
                          'the best one.')


def _problem_of(file: Path) -> str | None:
    """Why a checkpoint cannot be read; ``None`` for a whole one."""
    try:
        read_outline(file)
    except DistilPoseError as error:
        return str(error).rstrip('.')
    return damage_of(file)


def _adopt_best(runner: Runner, folder: Path, resumed: Mapping[str, Any]) -> None:
    """Takes the best checkpoint that a run wrote right before it was killed, which its last one does not list."""
    for file in sorted(folder.glob(f'{_BEST}*.pth'), key=lambda file: file.stat().st_mtime_ns):
        try:
            outline = read_outline(file)
        except DistilPoseError:
            continue
        meta = outline.get('meta', {})
        if any(meta.get(key) != resumed.get(key) for key in ('iter', 'experiment_name')) or damage_of(file):
            continue
        for key, value in outline.get('message_hub', {}).get('runtime_info', {}).items():
            if key.startswith('best_') or key == _OUTDATED:
                runner.message_hub.update_info(key, value)
