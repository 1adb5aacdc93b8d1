"""Benchmark of training steps with a teacher cache: images a second when the teacher's outputs are on disk."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, init_default_scope
from mmpose.registry import DATASETS

from distilpose.config.walk import is_distillation
from distilpose.distillation import PoseDistiller
from distilpose.distillation.teacher_cache import MarkedPreparation, TeacherCache, open_cache
from distilpose.engine import check_data_files
from distilpose.engine.hooks.randomness import seed_generators
from distilpose.engine.mixed_precision import use_autocast
from distilpose.errors import DistilPoseError

from .display import Report
from .inputs import batch_size, build_model, ready_to_train, with_a_teacher
from .machine import chosen_machine
from .timing import interleave

_WARM_UP = 1


def measure(cfg: Config, args: argparse.Namespace) -> Report:
    """Times training steps on batches of the training data whose teacher outputs are read from a full cache.

    The cache is filled first, in a temporary folder, so that it is most likely read from memory. Loading images is not
    in the figures, see ``data``.

    Raises:
        DistilPoseError: the config has no teacher, or no data.
    """
    if not is_distillation(cfg.model):
        raise DistilPoseError(f'a teacher cache needs a teacher, and model.type is {cfg.model.type}; name the config '
                              'of a distillation')
    if args.batches < 1:
        raise DistilPoseError(f'--batches is {args.batches}; at least one is needed')
    check_data_files(cfg, ['train'])
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    if args.amp:
        use_autocast(cfg)
    size = batch_size(cfg, args.batch_size)
    with (chosen_machine(args) as machine, with_a_teacher(cfg) as (ready, notes),
          tempfile.TemporaryDirectory() as folder):
        batches = _batches(ready, size=size, count=args.batches)
        model: Any = build_model(ready).to(machine.device)
        cache = open_cache(model, Path(folder), {}, slots=size * args.batches, dtype='float16')
        steps = {'cached': _Steps(ready, model, batches, cache=cache)}
        if args.baseline:
            steps['live'] = _Steps(ready, model, batches, cache=None)
        for run in range(args.batches + _WARM_UP):
            steps['cached'](run)
        seconds = interleave(steps, runs=args.runs, clock=machine.clock)
        parts = dict(teacher=cache.forward_cost, writing=cache.write_cost, reading=cache.read_cost)
        kilobytes = cache.store.record_bytes / 1e3
        return Report(
            'images', seconds, machine.meaning,
            notes=[*notes, f'The cache keeps {", ".join(cache.fields)}: {kilobytes:.1f} kB an image.'],
            details={'elapsed': {name: cost.milliseconds_each for name, cost in parts.items()}})


class _Steps:
    """Takes training steps on batches in turn."""

    def __init__(self, cfg: Config, model: PoseDistiller, batches: list[dict[str, Any]], *,
                 cache: TeacherCache | None) -> None:
        self.model, self.batches, self.cache = model, batches, cache
        self.wrapper = ready_to_train(model, cfg)

    def __call__(self, run: int) -> int:
        batch = self.batches[run % len(self.batches)]
        self.model.teacher_cache = self.cache
        self.model.train_step(batch, self.wrapper)
        return len(batch['inputs'])


def _batches(cfg: Config, *, size: int, count: int) -> list[dict[str, Any]]:
    """Batches of the training data, whose samples have slots in the cache; a sample that comes twice has two."""
    loader = cfg.train_dataloader
    dataset = DATASETS.build(loader.dataset)
    collate = FUNCTIONS.get(loader.get('collate_fn', dict(type='pseudo_collate'))['type'])

    def prepare(index: int) -> Any:
        seed_generators((index,), with_torch=False)
        return dataset[index % len(dataset)]

    marked = MarkedPreparation(prepare, variant=torch.zeros(()), length=0)
    return [collate([marked(index) for index in range(start, start + size)])
            for start in range(0, size * count, size)]
