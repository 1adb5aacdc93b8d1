"""Benchmark of inference: images a second of a model."""

from __future__ import annotations

import argparse
import copy
from functools import partial
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from distilpose.complexity import ForwardPass, count_macs
from distilpose.engine import student_config
from distilpose.errors import DistilPoseError
from distilpose.models.layers import TokenEncoder
from distilpose.models.optimised import optimise_for_inference

from .display import Report
from .inputs import batch_size, build_model, synthetic_batch
from .machine import Machine, added_at_peak, chosen_machine, measure_ceilings
from .reference import predict_as_published
from .timing import interleave, repeated

_SECONDS_OF_A_RUN = 0.1


def measure(cfg: Config, args: argparse.Namespace) -> Report:
    """Times predictions of a config's model, a distillation's student: images, network, flip test and decoding.

    They are made by :func:`~distilpose.models.optimised.optimise_for_inference` copies. FLOPs are
    those of their forward passes, two of them with a flip test.

    Raises:
        DistilPoseError: the config has no batches, or this machine cannot compute so.
    """
    cfg = student_config(cfg)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    batch = synthetic_batch(cfg, size=batch_size(cfg, args.batch_size), split='val')
    with chosen_machine(args) as machine, torch.no_grad():
        if 'float16' in args.dtypes and machine.device.type == 'cpu':
            raise DistilPoseError('--dtypes has float16, which is for CUDA; on a CPU use bfloat16')
        model: Any = build_model(cfg).to(machine.device).eval()
        flops = _flops(_without_visual_tokens(model), batch, machine)
        models = {name: optimise_for_inference(model, dtype=None if name == 'float32' else name, compile=args.compile)
                  for name in args.dtypes}
        counted, notes = {name: {name: flops} for name in models}, []
        if args.baseline:
            replaced = ['float32', 'channels first', 'batch normalisation by itself', *predict_as_published(model)]
            notes = [f'published: {", ".join(replaced)}.']
            models['published'], counted['published'] = model, dict(float32=_flops(model, batch, machine))
        variants = {
            name: repeated(partial(one.test_step, batch), units=args.batch_size, at_least=_SECONDS_OF_A_RUN,
                           clock=machine.clock) for name, one in models.items()}
        seconds = interleave(variants, runs=args.runs, clock=machine.clock)
        return Report('images', seconds, machine.meaning, flops=counted, ceilings=measure_ceilings(machine),
                      memory=added_at_peak(variants, machine.device), notes=notes)


def _without_visual_tokens(model: Any) -> Any:
    """A copy that multiplies what its optimised copies do, without their fused operators, which cannot be counted."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, TokenEncoder):
            module.returns_visual_tokens = False
    return model


def _flops(model: Any, batch: dict[str, Any], machine: Machine) -> float:
    height, width = batch['inputs'][0].shape[-2:]
    macs = count_macs(ForwardPass(model), torch.zeros(1, 3, height, width, device=machine.device))
    return 2.0 * macs * (2 if model.test_cfg.get('flip_test', False) else 1)
