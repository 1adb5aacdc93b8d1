"""Benchmark of data loading: samples a second of one core."""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from multiprocessing.reduction import ForkingPickler
from typing import Any

from mmengine.config import Config
from mmengine.registry import FUNCTIONS, init_default_scope
from mmpose.registry import DATA_SAMPLERS, DATASETS

from distilpose.config.fast_data import PLAIN_TYPES
from distilpose.engine import check_data_files
from distilpose.engine.hooks.crop_store import open_crop_stores
from distilpose.engine.hooks.randomness import SeededPreparation
from distilpose.errors import DistilPoseError
from distilpose.progress import tracked

from .display import Report
from .machine import working_threads
from .timing import TimedSections, interleave

_NOT_PLAIN = ('reduced', 'remember', 'crops')  # arguments that mmpose's steps do not have
_CLOCK = 'seconds that one thread was at work, without hand-over between processes'


def measure(cfg: Config, args: argparse.Namespace) -> Report:
    """Times the samples and batches of a config as a worker process makes them.

    Every run takes other samples, in the order of the config's sampler, requested as torch's loader does and seeded as
    by :class:`~distilpose.engine.hooks.ResumableRandomnessHook`. Variants whose samplers have one order take the same.

    Raises:
        DistilPoseError: there are no such data, or nothing to compare with.
    """
    loader = cfg.get(f'{args.split}_dataloader')
    if not loader:
        raise DistilPoseError(f'the config has no {args.split}_dataloader')
    check_data_files(cfg, [args.split])
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    loaders = {'config': loader}
    if args.crops:
        loaders = {'crop store': loader, **loaders}
    if args.baseline:
        loaders['plain'] = plain_loader(loader)
    with working_threads(1):  # as in a worker process
        batches = {name: _Batches(variant, per_run=args.batches) for name, variant in loaders.items()}
        notes = batches['crop store'].fill_store(args.crops) if args.crops else []
        seconds = interleave(batches, runs=args.runs, clock=time.thread_time)
        details = {name: variant.time_steps() for name, variant in batches.items()} if args.steps else {}
    return Report('images', seconds, _CLOCK, details, notes=notes)


def plain_loader(loader: dict[str, Any]) -> dict[str, Any]:
    """A dataloader with mmpose's own steps in the place of this project's faster ones.

    Raises:
        DistilPoseError: it has no other steps.
    """
    plain = copy.deepcopy(loader)
    steps = plain['dataset'].get('pipeline', [])
    if not any(step['type'] in PLAIN_TYPES for step in steps):
        raise DistilPoseError('the pipeline has none of the steps that --baseline replaces '
                              f'({", ".join(PLAIN_TYPES)}), so that there is nothing to compare')
    plain['dataset'] = _plain(plain['dataset'], pipeline=[_plain(step) for step in steps])
    if 'sampler' in plain:
        plain['sampler'] = _plain(plain['sampler'])
    plain.pop('collate_fn', None)
    return plain


def _plain(part: dict[str, Any], **changes: Any) -> dict[str, Any]:
    kept = {key: value for key, value in part.items() if key not in _NOT_PLAIN}
    return dict(kept, type=PLAIN_TYPES.get(part['type'], part['type']), **changes)


class _Batches:
    """Makes the batches of a run in this process."""

    def __init__(self, loader: dict[str, Any], *, per_run: int) -> None:
        self.dataset = DATASETS.build(loader['dataset'])
        self.sampler = DATA_SAMPLERS.build(loader['sampler'], default_args=dict(dataset=self.dataset, seed=0))
        self.preparation = SeededPreparation(self.dataset.prepare_data, stream=(0, ), length=len(self.dataset))
        self.dataset.prepare_data = self.preparation
        self.size, self.per_run = loader.get('batch_size', 1), per_run
        self.collate: Callable = FUNCTIONS.get(loader.get('collate_fn', dict(type='pseudo_collate'))['type'])

    def fill_store(self, folder: str) -> list[str]:
        """Lets the samples come from a crop store, which is filled, and describes it."""
        notes: list[str] = []
        open_crop_stores(self.dataset, folder, log=notes.append)
        for index in tracked(range(len(self.dataset)), total=len(self.dataset), description='Filling the crop store'):
            self.preparation(index)
        return notes

    def __call__(self, run: int) -> int:
        batches = self._indices(run)
        for indices in batches:
            self.collate(self._samples(run, indices))
        return sum(map(len, batches))

    def _indices(self, run: int) -> list[list[int]]:
        """Indices of every batch of a run, from as many epochs of the sampler as it takes."""
        count, length = self.size * self.per_run, len(self.sampler)
        first, start = divmod(run * count, length)
        order = islice(self._order(first), start, start + count)
        return [list(islice(order, self.size)) for _ in range(self.per_run)]

    def _order(self, epoch: int) -> Iterator[int]:
        while True:
            self.sampler.set_epoch(epoch)
            yield from self.sampler
            epoch += 1

    def _samples(self, run: int, indices: list[int]) -> list[Any]:
        """Those of a batch, requested as torch's loader does."""
        self.preparation.epoch.fill_(run)
        if hasattr(self.dataset, '__getitems__'):
            return self.dataset.__getitems__(indices)
        return [self.dataset[index] for index in indices]

    def time_steps(self) -> dict[str, float]:
        """Milliseconds of every step, the mean over the samples of a run, the median of three passes."""
        passes = [{**self._time_pass(), **self._time_collate()} for _ in range(3)]
        return {name: 1e3 * statistics.median(one[name] for one in passes) for name in passes[0]}

    def _time_collate(self) -> dict[str, float]:
        """Collating a batch, and pickling it as two processes do to send and receive it, both done by this process."""
        samples = self._samples(0, self._indices(0)[0])
        start = time.process_time()
        batch = self.collate(samples)
        made = time.process_time()
        ForkingPickler.loads(bytes(ForkingPickler.dumps(batch)))
        received = time.process_time()
        return {'(collate)': (made - start) / len(samples), '(hand-over)': (received - made) / len(samples)}

    def _time_pass(self) -> dict[str, float]:
        sections, batches = TimedSections(time.thread_time), self._indices(0)
        steps = [(type(step).__name__, step, 'transform') for step in self.dataset.pipeline.transforms]
        with sections.patched([('annotation', self.dataset, 'get_data_info'), *steps]):
            for indices in batches:
                self._samples(0, indices)
        return {name: seconds / sum(map(len, batches)) for name, seconds in sections.seconds.items()}
