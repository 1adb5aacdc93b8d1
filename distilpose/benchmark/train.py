"""Benchmark of training steps: images a second."""

from __future__ import annotations

import argparse
import copy
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.models.distillers import DWPoseDistiller

from distilpose.distillation import PoseDistiller
from distilpose.distillation.crop_pipelines import add_teacher_crops
from distilpose.engine.mixed_precision import use_autocast
from distilpose.errors import DistilPoseError

from .display import Report
from .dwpose import as_mmpose_distils, is_dwpose
from .inputs import batch_size, build_model, macs_of_a_step, ready_to_train, synthetic_batch, with_a_teacher
from .machine import Machine, added_at_peak, chosen_machine, measure_ceilings
from .reference import published_settings, train_as_published
from .timing import TimedSections, interleave

_PASSES = 3


def measure(cfg: Config, args: argparse.Namespace) -> Report:
    """Times the training step of a config as its Runner calls it: forward, backward and optimizer, on one batch.

    Loading is measured by ``data``; averaged weights (EMA) and other hooks that run between the steps are not in it,
    and a teacher cache is not used. FLOPs of a step are those of
    :func:`~distilpose.benchmark.inputs.macs_of_a_step`, twice.

    Raises:
        DistilPoseError: the config cannot be trained, or not on this machine.
    """
    if not cfg.get('optim_wrapper'):
        raise DistilPoseError('the config cannot be trained: it has no optim_wrapper')
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    cfg, size = copy.deepcopy(cfg), batch_size(cfg, args.batch_size)
    if args.amp:
        use_autocast(cfg)
    with chosen_machine(args) as machine, with_a_teacher(cfg) as (ready, notes):
        add_teacher_crops(ready)
        batch = synthetic_batch(ready, size=size)
        variants = {'config': _Steps(ready, batch, machine)}
        if args.baseline:
            variants['published'] = _Steps(published_settings(ready), batch, machine, is_published=True)
            notes = [*notes, variants['published'].reference]
        seconds = interleave(variants, runs=args.runs, clock=machine.clock)
        return Report(
            'images', seconds, machine.meaning, flops={name: variant.flops for name, variant in variants.items()},
            ceilings=measure_ceilings(machine), memory=added_at_peak(variants, machine.device), notes=notes,
            details={name: variant.time_sections() for name, variant in variants.items()} if args.parts else {})


class _Steps:
    """Repeats the training step on one batch.

    Args:
        cfg: of the training.
        batch: collated.
        machine: that it runs on.
        is_published: replace modules by the reference implementation, or a distillation of DWPose by mmpose's own.
    """

    reference = ''
    """A sentence about the reference implementation."""

    def __init__(self, cfg: Config, batch: dict[str, Any], machine: Machine, *, is_published: bool = False) -> None:
        self.batch, self.machine = batch, machine
        model: Any = build_model(cfg)
        self.model = model.to(machine.device)
        dtypes = dict(teacher=model.teacher.dtype) if isinstance(model, PoseDistiller) else {}
        macs = self._count_macs()
        if is_published:
            self._use_reference(cfg)
        self.wrapper: Any = ready_to_train(self.model, cfg)
        self.flops = _flops_by_dtype(macs, dict(dtypes, student=getattr(self.wrapper, 'dtype', None)))
        self.step: Callable[..., Any] = self.model.train_step
        if cfg.get('compile'):  # as mmengine's Runner does
            self.step = torch.compile(self.step, **({} if cfg.compile is True else cfg.compile))

    def __call__(self, run: int) -> int:
        self.step(self.batch, optim_wrapper=self.wrapper)
        return len(self.batch['inputs'])

    def _use_reference(self, cfg: Config) -> None:
        if is_dwpose(self.model):
            self.model, replaced = as_mmpose_distils(self.model, cfg), ["mmpose's own DWPoseDistiller"]
        else:
            teachers = [self.model.teacher.model] if isinstance(self.model, PoseDistiller) else []
            replaced = train_as_published(self.model, *teachers)
        words = ', '.join(['float32, channels first', *replaced])
        self.reference = f'published: {words}, an optimizer without fused steps.'

    def time_sections(self) -> dict[str, float]:
        """Milliseconds of every section for one image, the median of three steps."""
        passes = [self._time_pass() for _ in range(_PASSES)]
        images = len(self.batch['inputs'])
        return {name: 1e3 * statistics.median(one[name] for one in passes) / images for name in passes[0]}

    def _time_pass(self) -> dict[str, float]:
        """Seconds of every section of a step."""
        sections = TimedSections(self.machine.clock)
        methods = [
            ('images', self.model.data_preprocessor, 'forward'), ('student', self.model, '_run_forward'),
            ('backward', self.wrapper, 'backward'), ('optimizer', self.wrapper, 'step'),
            ('optimizer', self.wrapper, 'zero_grad')]
        if isinstance(self.model, PoseDistiller):
            methods += [('teacher', self.model.teacher, 'outputs'), ('teacher', self.model.teacher, 'outputs_from'),
                        ('terms', self.model, '_term_losses')]
        elif isinstance(self.model, DWPoseDistiller):
            teacher = self.model.teacher
            methods += [('teacher', teacher, 'extract_feat'), ('teacher', teacher.head, 'forward')]
        with sections.patched(methods):
            self(0)
        return sections.seconds

    def _count_macs(self) -> dict[str, int]:
        height, width = self.batch['inputs'][0].shape[-2:]
        return macs_of_a_step(self.model, torch.zeros(1, 3, height, width, device=self.machine.device))


def _flops_by_dtype(macs: Mapping[str, int], dtypes: Mapping[str, Any]) -> dict[str, float]:
    """FLOPs for one image by the type in which they are computed.

    Args:
        macs: network -> MACs.
        dtypes: network -> type, ``None`` for float32.
    """
    flops: dict[str, float] = {}
    for network, dtype in dtypes.items():
        name = str(dtype or torch.float32).removeprefix('torch.')
        flops[name] = flops.get(name, 0) + 2 * macs[network]
    return flops
