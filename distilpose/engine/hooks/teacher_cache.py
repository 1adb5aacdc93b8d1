"""Caches of teacher outputs on disk: one forward pass for every crop."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...config.named_teachers import title_of
from ...distillation.teacher_cache import MarkedPreparation, PersonCache, SlotStore, TeacherCache, open_cache
from ...distillation.teacher_cache.store import DTYPES
from ...errors import DistilPoseError
from ...slot_files import describe_bytes as _bytes
from ...structures import ONLY_TEACHER
from ..unwrapped_model import unwrapped_model
from .person_caches import attach_caches, describe_people, detach_caches, facts_of_people, keys_of
from .teacher_cache_checks import check_that_outputs_repeat, facts_of, has_fixed_crops

_BATCHES_TO_TIME = 3


@HOOKS.register_module()
class TeacherCacheHook(Hook):
    """Trains epoch ``e`` on the crops of epoch ``e % variants``, so that later epochs and runs need no teacher.

    A teacher with an unaugmented view is cached by person instead: its outputs serve every epoch, whatever the
    augmentation, the seed, the sampler and the student are, and people of other data sets may be added to its cache.

    It is idle without a folder. Of several teachers each has a cache of its own in ``folder/NAME``, but for those that
    move with the student, which run on. Runs with other students, terms or learning rates share a cache as long as the
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
        self.caches: dict[str, TeacherCache] = {}
        """Of each teacher, while it is open."""
        self._timed: set[str] = set()
        self._repeats = False

    @property
    def cache(self) -> TeacherCache | None:
        """The first one."""
        return next(iter(self.caches.values()), None)

    def before_train(self, runner: Runner) -> None:
        """Opens the caches and logs their sizes.

        Raises:
            DistilPoseError: a teacher's outputs cannot be cached, a cache is of another teacher or data set, or the
                disk is too small.
        """
        if self.folder is None:
            return
        model, dataset = unwrapped_model(runner), runner.train_dataloader.dataset
        check_that_outputs_repeat(runner, model)
        frozen = {name: paired for name, paired in model.teachers.items() if paired.teacher.is_frozen}
        by_crop = [name for name, paired in frozen.items() if not has_fixed_crops(paired)]
        people = keys_of(dataset) if len(by_crop) < len(frozen) else []
        samples: Any = getattr(dataset, 'prepare_data', None)
        if by_crop and self.augmentation_seed is not None:
            samples.stream = (self.augmentation_seed, *samples.stream[1:])
        reserved = 0
        for name, paired in model.teachers.items():
            if not paired.teacher.is_frozen:
                runner.logger.info(f'{title_of(name)} ({type(paired.teacher).__name__}) changes during the training, '
                                   'and its outputs with it: it runs in every epoch, without a cache.')
                continue
            folder = self.folder if name == ONLY_TEACHER else self.folder / name
            if name in by_crop:
                cache = open_cache(model, folder, facts_of(runner, paired, dtype=self.dtype),
                                   slots=len(dataset) * self.variants, dtype=self.dtype, name=name)
                reserved += check_room(cache.store, samples=len(dataset), reserved=reserved,
                                       variants=min(self.variants, runner.max_epochs))
                text = describe_size(cache, samples=len(dataset), variants=self.variants, epochs=runner.max_epochs)
            else:
                cache = open_cache(model, folder, facts_of_people(runner, paired, dtype=self.dtype), slots=0,
                                   dtype=self.dtype, name=name, people=people)
                filled = cache.filled_of(people) if isinstance(cache, PersonCache) else 0
                reserved += check_room(cache.store, samples=len(set(people)), variants=1, reserved=reserved,
                                       filled=filled)
                text = describe_people(cache, people, filled=filled)
            runner.logger.info(text)
            self.caches[name] = paired.cache = cache
        attach_caches(runner, self.caches)
        if by_crop:
            samples.prepare = MarkedPreparation(samples.prepare, variant=samples.epoch, length=len(dataset),
                                                teachers=by_crop)
        self._repeats = bool(by_crop)

    def before_train_epoch(self, runner: Runner) -> None:
        """Goes back to the augmentations of an earlier epoch."""
        attach_caches(runner, self.caches)  # to a pipeline that is switched to
        if self._repeats:
            runner.train_dataloader.dataset.prepare_data.epoch.fill_(runner.epoch % self.variants)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Any = None) -> None:
        """Logs how many epochs a cache needs to save time, once that is measured."""
        for name, cache in self.caches.items():
            if name not in self._timed and cache.batches_computed > _BATCHES_TO_TIME:
                self._timed.add(name)
                gain = describe_cost(cache) if isinstance(cache, PersonCache) else describe_gain(
                    cache, variants=self.variants, epochs=runner.max_epochs)
                runner.logger.info(gain if name == ONLY_TEACHER else f'{title_of(name)}: {gain}')

    def after_train(self, runner: Runner) -> None:
        """Logs what was read from the caches, and restores model and data."""
        if not self.caches:
            return
        for name, cache in self.caches.items():
            cost = cache.read_cost
            runner.logger.info(f'{title_of(name)} was run on {cache.images_computed} of {cost.images} crops of this '
                               f'process; the others were in the cache. Reading took {cost.milliseconds_each:.2f} ms a '
                               'crop.')
            unwrapped_model(runner).teachers[name].cache = None
            cache.store.close()
        if self._repeats:
            samples = runner.train_dataloader.dataset.prepare_data
            samples.prepare = samples.prepare.prepare
        detach_caches(runner)
        self.caches, self._repeats = {}, False


def check_room(store: SlotStore, *, samples: int, variants: int, reserved: int = 0,
               filled: int | None = None) -> int:
    """Compares what the cache still needs with what the disk has.

    Args:
        store: of the cache.
        samples: their number.
        variants: augmentations of each.
        reserved: bytes that other caches of this run still need.
        filled: how many of these are in it; by default all that are.

    Returns:
        The bytes that it needs.

    Raises:
        DistilPoseError: it is too much; the message has the number of variants that fit.
    """
    size, free = store.record_bytes, shutil.disk_usage(store.folder).free
    filled = store.filled if filled is None else filled
    free = max(free - reserved, 0)
    needed = size * max(samples * variants - filled, 0)
    if needed <= free:
        return needed
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


def describe_cost(cache: TeacherCache) -> str:
    """What was measured so far, without its full stop."""
    costs = cache.forward_cost, cache.write_cost, cache.read_cost
    forward, writing, reading = (cost.milliseconds_each for cost in costs)
    return (f'A crop takes the teacher {forward:.2f} ms, writing its outputs {writing:.2f} ms and reading them '
            f'{reading:.2f} ms (from memory, since it was just written)')


def describe_gain(cache: TeacherCache, *, variants: int, epochs: int) -> str:
    """After which epoch a run with an empty cache is ahead of one without, as measured so far."""
    costs = cache.forward_cost, cache.write_cost, cache.read_cost
    forward, writing, reading = (cost.milliseconds_each for cost in costs)
    measured = describe_cost(cache)
    if reading >= forward:
        return f'{measured}: the cache does not pay here.'
    extra = variants * (writing + reading)
    ahead = variants + math.ceil(extra / (forward - reading))
    if ahead > epochs:
        return f'{measured}: it pays in later runs; this one would have to go on beyond epoch {ahead}.'
    return f'{measured}: a run with an empty cache is ahead of one without from epoch {ahead} of {epochs} on.'
