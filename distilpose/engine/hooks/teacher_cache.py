"""Asks the teacher once for every crop, and keeps what it said on disk."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...distillation import PoseDistiller
from ...distillation.image_adapter import input_size
from ...distillation.teacher_cache import MarkedPreparation, RecordLayout, SlotStore, TeacherCache, agree_on_header
from ...distillation.teacher_cache.store import DTYPES
from ...errors import DistilPoseError
from ..bare_model import bare_model
from .teacher_cache_checks import check_that_answers_repeat, facts_of

_TOLERANCE, _TOLERANCE_OF_HALF = 5e-3, 5e-2
_BATCHES_TO_TIME = 3


@HOOKS.register_module()
class TeacherCacheHook(Hook):
    """Trains epoch ``e`` on the crops of epoch ``e % variants``, so that later epochs and runs need no teacher.

    It is idle without a folder. Runs with other students, terms or learning rates share a cache, also at the same
    time, as long as the teacher, the data, the pipeline and the seed are the same; others are refused. The
    checkpoints are as without it. What it costs and when it pays is logged.

    Args:
        folder: of the cache, from the current directory.
        variants: number of augmentations of each sample. With as many as the run has epochs, all augmentations are as
            without a cache, and only other runs gain.
        dtype: ``'float16'``, or ``'float32'`` for what the teacher says to the bit, in twice the room.
    """

    priority = 'HIGH'  # after the seeds of samples

    def __init__(self, folder: str | None = None, variants: int = 8, *, dtype: str = 'float16') -> None:
        if not isinstance(variants, int) or variants < 1:
            raise DistilPoseError(f'TeacherCacheHook got variants={variants!r}; expected a whole number of 1 or more')
        if dtype not in DTYPES:
            raise DistilPoseError(f'TeacherCacheHook got dtype={dtype!r}; expected one of {", ".join(DTYPES)}')
        self.folder = None if folder is None else Path(folder).expanduser().absolute()
        self.variants, self.dtype = variants, dtype
        self.cache: TeacherCache | None = None
        self.is_timed = False

    def before_train(self, runner: Runner) -> None:
        """Opens the cache and says how large it is.

        Raises:
            DistilPoseError: answers cannot be kept in this training, the cache is another's, or the disk is too small.
        """
        if self.folder is None:
            return
        model, dataset = bare_model(runner), runner.train_dataloader.dataset
        check_that_answers_repeat(runner, model)
        fields = sorted({field for term in model.terms.values() for field in term.teacher_fields})
        layout, salt = agree_on_header(self.folder, facts_of(runner, model.teacher, dtype=self.dtype),
                                       RecordLayout.of(_probe(model), fields))
        store = SlotStore(self.folder, slots=len(dataset) * self.variants, values=layout.values, dtype=self.dtype,
                          salt=salt)
        self._describe(runner, store, layout)
        self.cache = model.teacher_cache = TeacherCache(
            model.ask_teacher, store=store, layout=layout, fields=fields,
            tolerance=_TOLERANCE if model.teacher.dtype is None else _TOLERANCE_OF_HALF)
        samples = dataset.prepare_data
        samples.prepare = MarkedPreparation(samples.prepare, variant=samples.epoch, length=len(dataset))

    def before_train_epoch(self, runner: Runner) -> None:
        """Goes back to the augmentations of an earlier epoch."""
        if self.cache is not None:
            runner.train_dataloader.dataset.prepare_data.epoch.fill_(runner.epoch % self.variants)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Any = None) -> None:
        """Says when the cache pays, once that is known."""
        if self.cache is not None and not self.is_timed and self.cache.batches_asked > _BATCHES_TO_TIME:
            self.is_timed = True
            runner.logger.info(describe_gain(self.cache, variants=self.variants, epochs=runner.max_epochs))

    def after_train(self, runner: Runner) -> None:
        """Says what was read, and leaves model and data as they were."""
        if self.cache is None:
            return
        cache, samples = self.cache, runner.train_dataloader.dataset.prepare_data
        runner.logger.info(f'The teacher was asked for {cache.images_asked} of {cache.reading.images} crops of this '
                           f'process; the others were in the cache. Reading took {cache.reading.milliseconds_each:.2f} '
                           'ms a crop.')
        samples.prepare = samples.prepare.prepare
        bare_model(runner).teacher_cache = self.cache = None
        cache.store.close()

    def _describe(self, runner: Runner, store: SlotStore, layout: RecordLayout) -> None:
        epochs = runner.max_epochs
        used = min(self.variants, epochs)
        samples = len(store.records) // self.variants
        filled, size = store.filled, store.record_bytes
        needed, free = size * max(samples * used - filled, 0), shutil.disk_usage(store.folder).free
        if needed > free:
            fitting = (free + size * filled) // (size * samples)
            remedy = f'variants={fitting} fits' if fitting else 'not even one variant fits'
            raise DistilPoseError(f'the teacher cache {store.folder} still needs {_bytes(needed)} ({samples} samples '
                                  f'in {used} variants, {_bytes(size)} each), and the disk has {_bytes(free)} left; '
                                  f'{remedy} there, or name a folder on another disk')
        runner.logger.info(
            f'The teacher cache {store.folder} keeps {", ".join(layout.fields)} of {samples} samples: {_bytes(size)} '
            f'each, {_bytes(size * samples)} a variant, {_bytes(size * samples * used)} in all, of which '
            f'{_bytes(size * filled)} are filled. Augmentations repeat every {self.variants} epochs, so the teacher '
            f'runs in {used} of {epochs} epochs at most' + (
                '.' if used < epochs else ': nothing repeats in this run, and only later ones gain.'))


def describe_gain(cache: TeacherCache, *, variants: int, epochs: int) -> str:
    """After which epoch a run with an empty cache is ahead of one without, as measured so far."""
    asking, writing, reading = (cost.milliseconds_each for cost in (cache.asking, cache.writing, cache.reading))
    measured = (f'A crop takes the teacher {asking:.2f} ms, writing its answer {writing:.2f} ms and reading it '
                f'{reading:.2f} ms (from memory, since it was just written)')
    if reading >= asking:
        return f'{measured}: the cache does not pay here.'
    extra = variants * (writing + reading)
    ahead = variants + math.ceil(extra / (asking - reading))
    if ahead > epochs:
        return f'{measured}: it pays in later runs; this one would have to go on beyond epoch {ahead}.'
    return f'{measured}: a run with an empty cache is ahead of one without from epoch {ahead} of {epochs} on.'


@torch.no_grad()
def _probe(model: PoseDistiller) -> Any:
    """What the teacher shows for an empty image."""
    width, height = input_size(model.student) or input_size(model.teacher.model) or (0, 0)  # one of them says so
    weight = next(model.student.parameters())
    return model.ask_teacher(torch.zeros(1, 3, height, width, device=weight.device))


def _bytes(number: int) -> str:
    """1234567 -> '1.2 MB'."""
    for unit in ('bytes', 'kB', 'MB'):
        if number < 1000:
            return f'{number:.3g} {unit}'
        number = number / 1000  # type: ignore[assignment]
    return f'{number:.1f} GB'
