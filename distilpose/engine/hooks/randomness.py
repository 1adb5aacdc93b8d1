"""Random seeds of a training: a resumed run draws the same random numbers as an uninterrupted one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.datasets.samplers import MultiSourceSampler
from mmpose.registry import HOOKS
from torch.utils.data import get_worker_info

SAMPLE_STREAM, _ITERATIONS = 0, 1  # two streams that never share a seed


@HOOKS.register_module()
class ResumableRandomnessHook(Hook):
    """Seeds every iteration from (seed, rank, iteration) and every training sample from (seed, epoch, index).

    mmengine seeds once per run, so a resumed run draws other numbers, and once per worker process, so workers
    that are restarted at every epoch repeat their augmentations. Here a sample's augmentation depends neither on
    the number of workers nor of processes. A sample that comes several times in an epoch, as in mixtures with fixed
    shares, is augmented anew each time. Loops that count iterations and load with worker processes are left to
    mmengine, which replays the loader when it resumes.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.seed = 0
        self.preparation: SeededPreparation | None = None

    def before_train(self, runner: Runner) -> None:
        """Puts the seeding in front of the data set's pipeline, before worker processes start."""
        is_shifted = runner._randomness_cfg.get('diff_rank_seed', False)
        self.seed = runner.seed - (runner.rank if is_shifted else 0)
        loader = runner.train_dataloader
        counts_iterations = hasattr(runner.train_loop, 'dataloader_iterator')
        if counts_iterations and loader.num_workers > 0:
            return
        if not hasattr(loader.dataset, 'prepare_data'):
            runner.logger.warning(f'{type(loader.dataset).__name__} has no prepare_data to seed: if this run is '
                                  'resumed, its augmentations will differ from those of an uninterrupted one.')
            return
        stream = (self.seed, SAMPLE_STREAM, runner.rank) if counts_iterations else (self.seed, SAMPLE_STREAM)
        prepare = getattr(loader.dataset.prepare_data, 'prepare', loader.dataset.prepare_data)
        self.preparation = SeededPreparation(prepare, stream=stream, length=len(loader.dataset),
                                             by_draw=counts_iterations)
        loader.dataset.prepare_data = self.preparation
        if isinstance(loader.sampler, MultiSourceSampler) and not counts_iterations:
            _catch_up(loader.sampler, epochs=runner.epoch)
            loader.batch_sampler.sampler = NumberedRepeats(loader.sampler, length=len(loader.dataset))

    def before_train_epoch(self, runner: Runner) -> None:
        """Sets the number of the epoch in the workers, which may outlive an epoch."""
        if self.preparation is not None:
            self.preparation.epoch.fill_(runner.epoch)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seeds what the model draws, such as dropout."""
        seed_generators((self.seed, _ITERATIONS, runner.rank, runner.iter), with_torch=True)


def _catch_up(sampler: MultiSourceSampler, *, epochs: int) -> None:
    """Moves a sampler without epochs, which continues from its last index, to the index of a resumed run."""
    for _ in range(epochs):
        iter(sampler)


class NumberedRepeats:
    """The indices of a sampler, with a multiple of the data set's length added when one comes again in an epoch.

    :class:`SeededPreparation` takes its seed from that number and its sample from the rest.

    Args:
        sampler: gives the indices of an epoch in this process.
        length: of the data set.
    """

    def __init__(self, sampler: MultiSourceSampler, *, length: int) -> None:
        self.sampler, self.length = sampler, length

    def __iter__(self) -> Iterator[int]:
        """One epoch."""
        draws: Counter[int] = Counter()
        for index in self.sampler:
            # The other processes draw the same sample in other passes over the data, and must not repeat this one's.
            repeat = draws[index] * self.sampler.world_size + self.sampler.rank if draws[index] else 0
            draws[index] += 1
            yield index + repeat * self.length

    def __len__(self) -> int:
        return len(self.sampler)


class SeededPreparation:
    """A data set's ``prepare_data`` that first seeds Python's and numpy's generators, and torch's in a worker.

    Args:
        prepare: index -> sample.
        stream: numbers that begin every seed.
        length: of the data set; an index may have a multiple of it added, which only changes the seed.
        by_draw: continue them with the number of samples drawn so far instead of (epoch, index).
    """

    def __init__(self, prepare: Callable[[int], Any], *, stream: tuple[int, ...], length: int,
                 by_draw: bool = False) -> None:
        self.prepare = prepare
        self.stream = stream
        self.length = length
        self.by_draw = by_draw
        self.draws = 0
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __call__(self, idx: int) -> Any:
        """Prepares the sample of this index."""
        rest = (self.draws, ) if self.by_draw else (int(self.epoch), int(idx))
        seed_generators((*self.stream, *rest), with_torch=get_worker_info() is not None)
        self.draws += 1
        return self.prepare(idx % self.length)


def seed_generators(numbers: tuple[int, ...], *, with_torch: bool) -> None:
    """Seeds the global generators with a mixture of non-negative numbers."""
    for_python, for_numpy, for_torch = np.random.SeedSequence(numbers).generate_state(3)
    random.seed(int(for_python))
    np.random.seed(for_numpy)
    if not with_torch:
        return
    if get_worker_info() is None and torch.accelerator.is_available():
        torch.manual_seed(int(for_torch))
    else:  # a worker has no other device, and looking for them takes longer than all other seeds together
        torch.default_generator.manual_seed(int(for_torch))
