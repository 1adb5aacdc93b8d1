"""Fused layers of optimised copies, measured: ``python tests/models/measure_fused_layers.py CONFIG [--batch-size N]``.

Copies with and without them run in turn, in one thread and CPU time. Medians are printed, and the share of every kind
of operator in the time of each.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch.profiler import ProfilerActivity, profile

from distilpose.benchmark.inputs import build_model
from distilpose.benchmark.machine import Machine, measure_ceilings
from distilpose.complexity import ForwardPass, count_macs
from distilpose.engine import student_config
from distilpose.models.optimised import example_images, optimise_for_inference

KINDS = dict(attention=('flash_attention',), convolutions=('convolution',), linear=('linear', 'addmm', '::mm'),
             activations=('clamp_min', 'relu', 'gelu'), sums=('aten::add',), norms=('layer_norm',),
             copies=('copy', 'clone', 'cat'))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--runs', type=int, default=7)
    parser.add_argument('--dtype', default='bfloat16', choices=('float32', 'bfloat16'))
    parser.add_argument('--compile', action='store_true', help='a third copy, compiled with frozen weights')
    args = parser.parse_args()
    torch.set_num_threads(1)
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = build_model(student_config(Config.fromfile(args.config))).eval()
    dtype = None if args.dtype == 'float32' else args.dtype
    with torch.no_grad(), mock.patch.object(torch.backends.mkldnn, 'is_available', return_value=False):
        copies = dict(plain=optimise_for_inference(model, dtype=dtype))
        flops = 2 * args.batch_size * count_macs(ForwardPass(copies['plain']), example_images(model))
    copies['fused'] = optimise_for_inference(model, dtype=dtype)
    if args.compile:
        copies['compiled'] = optimise_for_inference(model, dtype=dtype, compile='default')
    images = torch.randn(args.batch_size, *example_images(model).shape[1:])
    ways = {name: partial(forward, one, images) for name, one in copies.items()}
    ceiling = measure_ceilings(Machine(torch.device('cpu'), 1)).matmul[args.dtype]
    for name, seconds in medians(ways, runs=args.runs).items():
        kinds = ', '.join(f'{kind} {share:.0%}' for kind, share in shares(ways[name]).items())
        print(f'{name:9s} {1e3 * seconds / args.batch_size:6.1f} ms an image, {flops / seconds / 1e9:.0f} GFLOP/s, '
              f'{flops / seconds / ceiling:.0%} of {ceiling / 1e9:.0f}; {kinds}')


@torch.no_grad()
def forward(model: Any, images: torch.Tensor) -> Any:
    return model.head(model.extract_feat(images))


def medians(ways: dict[str, Callable[[], Any]], *, runs: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(runs + 2):
        for name, way in ways.items():
            start = time.process_time()
            way()
            if run > 1:
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def shares(way: Callable[[], Any]) -> dict[str, float]:
    """Kind of operator -> its share of the time of a run."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(3):
            way()
    found: Counter[str] = Counter()
    for event in profiler.key_averages():
        found[kind_of(event.key)] += event.self_cpu_time_total
    return {kind: time / found.total() for kind, time in found.most_common()}


def kind_of(operator: str) -> str:
    return next((kind for kind, names in KINDS.items() if any(name in operator for name in names)), 'rest')


if __name__ == '__main__':
    main()
