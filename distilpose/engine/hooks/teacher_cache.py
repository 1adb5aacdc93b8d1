"""Cache of teacher outputs on disk: one forward pass for every crop."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...distillation.teacher_cache import MarkedPreparation, SlotStore, TeacherCache, open_cache
from ...distillation.teacher_cache.store import DTYPES
from ...errors import DistilPoseError
from ...slot_files import describe_bytes as _bytes
from ..unwrapped_model import unwrapped_model
from .teacher_cache_checks import check_that_outputs_repeat, facts_of

_BATCHES_TO_TIME = 3


@HOOKS.register_module()
class TeacherCacheHook(Hook):
    """Trains epoch ``e`` on the crops of epoch ``e % variants``, so that later epochs and runs need no teacher.

    It is idle without a folder. Runs with other students, terms or learning rates share a cache as long as the
    teacher, the data, the pipeline and the seed of the augmentation are the same; others are refused. Checkpoints are
    as without it. What it costs and when it pays is logged.

    Args:
        folder: of the cache, from the current directory.
        variants: number of augmentations of each sample. With as many as the run has epochs, all augmentations are as
            without a cache, and only other runs gain.
        dtype: ``'float16'``, or ``'float32'`` which keeps the teacher's outputs to the bit, in twice the room.
        augmentation_seed: of the augmentation alone, so that runs with other seeds share the cache; by default the
            run's.
    """

    priority = 'HIGH'  # after the seeds of samples

    def __init__(self, folder: str | None = None, variants: int = 8, *, dtype: str = 'float16',
                 augmentation_seed: int | None = None) -> None:
        if not isinstance(variants, int) or variants < 1:
            raise DistilPoseError(f'TeacherCacheHook got variants={variants!r}; expected a whole number of 1 or more')
        if dtype not in DTYPES:
            raise DistilPoseError(f'TeacherCacheHook got dtype={dtype!r}; expected one of {", ".join(DTYPES)}')
        if augmentation_seed is not None and (not isinstance(augmentation_seed, int) or augmentation_seed < 0):
            raise DistilPoseError(f'TeacherCacheHook got augmentation_seed={augmentation_seed!r}; expected a whole '
                                  "number of 0 or more, or None for the run's seed")
        self.folder = None if folder is None else Path(folder).expanduser().absolute()
        self.variants, self.dtype, self.augmentation_seed = variants, dtype, augmentation_seed
        self.cache: TeacherCache | None = None
        self.is_timed = False

    def before_train(self, runner: Runner) -> None:
        """Opens the cache and logs its size.

        Raises:
            DistilPoseError: the teacher's outputs cannot be cached, the cache is of another teacher or data set, or
                the disk is too small.
        """
        if self.folder is None:
            return
        model, dataset = unwrapped_model(runner), runner.train_dataloader.dataset
        check_that_outputs_repeat(runner, model)
        samples = dataset.prepare_data
        if self.augmentation_seed is not None:
            samples.stream = (self.augmentation_seed, *samples.stream[1:])
        cache = open_cache(model, self.folder, facts_of(runner, model.teacher, dtype=self.dtype),
                           slots=len(dataset) * self.variants, dtype=self.dtype)
        check_room(cache.store, samples=len(dataset), variants=min(self.variants, runner.max_epochs))
        runner.logger.info(describe_size(cache, samples=len(dataset), variants=self.variants,
                                         epochs=runner.max_epochs))
        self.cache = model.teacher_cache = cache
        samples.prepare = MarkedPreparation(samples.prepare, variant=samples.epoch, length=len(dataset))

    def before_train_epoch(self, runner: Runner) -> None:
        """Goes back to the augmentations of an earlier epoch."""
        if self.cache is not None:
            runner.train_dataloader.dataset.prepare_data.epoch.fill_(runner.epoch % self.variants)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Any = None) -> None:
        """Logs how many epochs the cache needs to save time, once that is measured."""
        if self.cache is not None and not self.is_timed and self.cache.batches_computed > _BATCHES_TO_TIME:
            self.is_timed = True
            runner.logger.info(describe_gain(self.cache, variants=self.variants, epochs=runner.max_epochs))

    def after_train(self, runner: Runner) -> None:
        """Logs what was read from the cache, and restores model and data."""
        if self.cache is None:
            return
        cache, samples = self.cache, runner.train_dataloader.dataset.prepare_data
        cost = cache.read_cost
        runner.logger.info(f'The teacher was run on {cache.images_computed} of {cost.images} crops of this process; '
                           f'the others were in the cache. Reading took {cost.milliseconds_each:.2f} ms a crop.')
        samples.prepare = samples.prepare.prepare
        unwrapped_model(runner).teacher_cache = self.cache = None
        cache.store.close()


def check_room(store: SlotStore, *, samples: int, variants: int) -> None:
    """Compares what the cache still needs with what the disk has.

    Raises:
        DistilPoseError: it is too much; the message has the number of variants that fit.
    """
    size, filled, free = store.record_bytes, store.filled, shutil.disk_usage(store.folder).free
    needed = size * max(samples * variants - filled, 0)
    if needed <= free:
        return
    fitting = (free + size * filled) // (size * samples)
    raise DistilPoseError(f'the teacher cache {store.folder} still needs {_bytes(needed)} ({samples} samples in '
                          f'{variants} variants, {_bytes(size)} each), and the disk has {_bytes(free)} left; '
                          f'{f"variants={fitting} fits" if fitting else "not even one variant fits"} there, or name '
                          'a folder on another disk')


def describe_size(cache: TeacherCache, *, samples: int, variants: int, epochs: int) -> str:
    """What is kept, how large it is and in how many epochs the teacher runs."""
    size, used = cache.store.record_bytes, min(variants, epochs)
    every = 'epoch' if variants == 1 else f'{variants} epochs'
    gain = '.' if used < epochs else ': nothing repeats in this run, and only later ones gain.'
    return (f'The teacher cache {cache.store.folder} keeps {", ".join(cache.layout.fields)} of {samples} samples: '
            f'{_bytes(size)} each, {_bytes(size * samples)} a variant, {_bytes(size * samples * used)} in all, of '
            f'which {_bytes(size * cache.store.filled)} are filled. Augmentations repeat every {every}, so '
            f'the teacher runs in {used} of {epochs} epochs at most{gain}')


def describe_gain(cache: TeacherCache, *, variants: int, epochs: int) -> str:
    """After which epoch a run with an empty cache is ahead of one without, as measured so far."""
    costs = cache.forward_cost, cache.write_cost, cache.read_cost
    forward, writing, reading = (cost.milliseconds_each for cost in costs)
    measured = (f'A crop takes the teacher {forward:.2f} ms, writing its outputs {writing:.2f} ms and reading them '
                f'{reading:.2f} ms (from memory, since it was just written)')
    if reading >= forward:
        return f'{measured}: the cache does not pay here.'
    extra = variants * (writing + reading)
    ahead = variants + math.ceil(extra / (forward - reading))
    if ahead > epochs:
        return f'{measured}: it pays in later runs; this one would have to go on beyond epoch {ahead}.'
    return f'{measured}: a run with an empty cache is ahead of one without from epoch {ahead} of {epochs} on.'
