"""Resuming in the middle of an epoch: the batches that were trained on are skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.datasets.samplers import MultiSourceSampler
from mmpose.registry import HOOKS

from ...errors import DistilPoseError
from .randomness import NumberedRepeats

_OTHERWISE = 'resume from a checkpoint that was written at the end of an epoch (CheckpointHook with by_epoch=True)'


@HOOKS.register_module()
class ResumePositionHook(Hook):
    """Continues an epoch after its last trained batch; mmengine repeats it from its first one and counts on.

    A checkpoint of ``CheckpointHook(by_epoch=False)`` may lie anywhere in an epoch. The samples before it are skipped
    in the sampler, so they are neither read nor decoded. Loops that count iterations are left to mmengine, which
    advances the loader. The launcher adds this hook to runs that resume without it.
    """

    priority = 'HIGH'  # after ResumableRandomnessHook, which wraps the sampler too

    def __init__(self) -> None:
        self.is_resumed = False
        self.saved_length: int | None = None
        self.has_other_seed = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keeps the epochs of the checkpoint."""
        self.is_resumed = bool(runner._resume)
        info = checkpoint.get('message_hub', {}).get('runtime_info', {})
        if info.get('max_iters') and info.get('max_epochs'):
            self.saved_length = info['max_iters'] // info['max_epochs']
        seed = checkpoint.get('meta', {}).get('seed')
        self.has_other_seed = seed is not None and seed != runner._randomness_cfg.get('seed')

    def before_train(self, runner: Runner) -> None:
        """Skips what was trained on, and corrects a number of iterations that is not that of the epochs.

        Raises:
            DistilPoseError: the rest of the epoch is unknown; the message has the reason and what to change.
        """
        loop, loader = runner.train_loop, runner.train_dataloader
        if not self.is_resumed or hasattr(loop, 'dataloader_iterator'):
            return
        length = len(loader)
        saved_length = self.saved_length or length
        done = loop.iter - loop.epoch * saved_length
        if not 0 < done <= saved_length:
            _count_from_epochs(runner, length=length)
            return
        if length != saved_length:
            raise DistilPoseError(f'the checkpoint was written after {done} of the {saved_length} iterations of epoch '
                                  f'{loop.epoch + 1}, and an epoch has {length} iterations here; set the batch size, '
                                  f'the number of processes and the data of that run, or {_OTHERWISE}')
        self._check_order(loader, done=done)
        loader.batch_sampler.sampler = SkippedOnce(loader.batch_sampler.sampler, done * loader.batch_sampler.batch_size)
        runner.logger.info(f'Epoch {loop.epoch + 1} continues after {done} of {length} iterations. Its lines in the '
                           'log count the remaining ones.')

    def _check_order(self, loader: Any, *, done: int) -> None:
        """Refuses samples whose order in the interrupted epoch is unknown."""
        where = f'the checkpoint was written {done} iterations into an epoch'
        if self.has_other_seed:
            raise DistilPoseError(f'{where}, and the seed of this run is another one, with other samples in these '
                                  f'iterations; leave out --seed and set randomness.seed of that run, or {_OTHERWISE}')
        sampler = getattr(loader.batch_sampler, 'sampler', None)
        if sampler is None:
            raise DistilPoseError(f'{where}, and {type(loader.batch_sampler).__name__} has no sampler in which they '
                                  f'could be skipped; {_OTHERWISE}')
        if isinstance(sampler, MultiSourceSampler) and not isinstance(sampler, NumberedRepeats):
            raise DistilPoseError(f'{where}, and MultiSourceSampler does not get the epoch; add '
                                  "randomness=dict(type='ResumableRandomnessHook') to default_hooks")


def _count_from_epochs(runner: Runner, *, length: int) -> None:
    """Sets the number of iterations to that of the epochs, which differs after a change of the batch size."""
    found, expected = runner.iter, runner.epoch * length
    if found == expected:
        return
    runner.train_loop._iter = expected
    runner.optim_wrapper.initialize_count_status(runner.model, expected, runner.max_iters)
    runner.logger.warning(f'The checkpoint counts {found} iterations, and {runner.epoch} epochs have {expected} here '
                          f'({length} each): iterations are counted from {expected}.')


class SkippedOnce:
    """The indices of a sampler, without the first ones of the first epoch.

    Args:
        sampler: yields the indices of an epoch in this process.
        number: of indices to skip.
    """

    def __init__(self, sampler: Any, number: int) -> None:
        self.sampler, self.number = sampler, number

    def __iter__(self) -> Iterator[int]:
        """The rest of the first epoch; afterwards whole ones."""
        indices: Iterable[int] = islice(self.sampler, self.number, None)
        self.number = 0
        yield from indices

    def __len__(self) -> int:
        """Of a whole epoch."""
        return len(self.sampler)
