"""Cost of a model: ``distilpose flops`` and ``distilpose benchmark``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass

from .command import Command, add_cfg_options, read_options
from .paths import require_config
from .training import COMPILE_MODES, DTYPES, add_fast_training

STYLES = ('mmcv', 'hrnet')
"""Those of :mod:`distilpose.complexity`."""


def _check(args: argparse.Namespace) -> None:
    require_config(args.config)


def _add_flops(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('config', help='config of a pose estimator, or of a distillation, for its student; or PACKAGE::...')
    add('--json', action='store_true', help='print JSON')
    add('--by-module', nargs='?', type=int, const=2, metavar='DEPTH',
        help='also the cost of every module, down to this depth (default: %(const)s)')
    add('--shape', nargs=2, type=int, metavar=('HEIGHT', 'WIDTH'), help="of the image (default: the config's)")
    add('--style', choices=STYLES, default='mmcv',
        help="the published counter: mmcv for DistilPose's tables, hrnet for HRNet's, TokenPose's, SimDR's and FPD's "
        '(default: %(default)s)')
    add_cfg_options(parser)


def _flops(args: argparse.Namespace) -> None:
    from distilpose.complexity import STYLES, measure
    from distilpose.complexity.display import print_json, print_text
    from distilpose.engine.launch import load_and_change

    style = STYLES[args.style]
    with redirect_stdout(sys.stderr):  # for what the host prints
        cfg, notes = load_and_change(args.config, options=read_options(args))
        for note in notes:
            print(note)
        found = measure(cfg, style=style, input_size=args.shape and tuple(args.shape[::-1]))
    if args.json:
        print_json(found, depth=args.by_module)
    else:
        print_text(found, style=style, depth=args.by_module)


@dataclass(frozen=True)
class Measurement:
    """A subcommand of ``distilpose benchmark``; :data:`distilpose.benchmark.MEASUREMENTS` has what it runs."""

    summary: str
    baseline: str
    """What ``--baseline`` measures as well."""
    add_arguments: Callable[[argparse.ArgumentParser], None]


def _add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--device', metavar='NAME', help='cpu, cuda or cuda:N (default: cuda where there is one)')
    parser.add_argument('--threads', type=int, metavar='N', help="threads on the CPU (default: torch's own choice)")


def _add_batch_size(parser: argparse.ArgumentParser) -> None:
    _add_machine(parser)
    parser.add_argument('--batch-size', type=int, metavar='N', help="images of a batch (default: the config's)")


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_batch_size(parser)
    parser.add_argument('--amp', action='store_true', help='train in bfloat16')
    parser.add_argument('--parts', action='store_true', help='also the time of the parts of a step')


def _add_infer(parser: argparse.ArgumentParser) -> None:
    _add_machine(parser)
    parser.add_argument('--batch-size', type=int, default=1, metavar='N', help='images of a batch (default: 1)')
    parser.add_argument('--dtypes', nargs='+', choices=DTYPES, default=['float32'],
                        help='types to predict in (default: float32)')
    parser.add_argument('--compile', choices=COMPILE_MODES, help='mode of torch.compile (default: not compiled)')


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train', help='default: %(default)s')
    parser.add_argument('--batches', type=int, default=4, metavar='N', help='batches of a run (default: %(default)s)')
    parser.add_argument('--steps', action='store_true', help='also the time of every step')
    parser.add_argument('--crops', metavar='DIR',
                        help='also with a crop store in this folder, which is filled first (docs/speed.md)')


def _add_eval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--people', type=int, metavar='N',
                        help='make so many people, even if there is an annotation file (default without: 5000)')
    parser.add_argument('--answers', type=float, default=1.0, metavar='X',
                        help='predictions for each person, on average (default: %(default)s)')
    parser.add_argument('--first', action='store_true',
                        help='every evaluation reads the annotation file, as the first of a training does')
    parser.add_argument('--parts', action='store_true', help='also the time of the parts of an evaluation')


def _add_teacher_cache(parser: argparse.ArgumentParser) -> None:
    _add_batch_size(parser)
    parser.add_argument('--batches', type=int, default=4, metavar='N',
                        help='batches that the steps take in turn (default: %(default)s)')
    parser.add_argument('--amp', action='store_true', help='train in bfloat16')


MEASUREMENTS = {
    'train': Measurement(
        'Images a second that training takes, without loading them: forward, backward and optimizer.',
        'float32, channels first, attention by einsum, drawn heatmaps in the loss, and a plain optimizer; for DWPose '
        "mmpose's own distiller", _add_train),
    'infer': Measurement(
        "Images a second that a config's model predicts, a distillation's student, decoding included.",
        'float32, channels first, unfolded, attention by einsum, a flip test in two forward passes and decoding sample '
        'by sample', _add_infer),
    'data': Measurement(
        "Samples a second that one core makes from a config's files, batches included.",
        "mmpose's own steps in the place of this project's faster ones", _add_data),
    'eval': Measurement(
        "Evaluations a second from a network's predictions to COCO's figures.",
        'suppression pair by pair, an indented file of results and pycocotools, with the same figures', _add_eval),
    'loss': Measurement(
        'Images a second of the simulated-heatmap loss alone, with its gradients.',
        'the loss with drawn maps, N x N of them as published', _add_batch_size),
    'teacher-cache': Measurement(
        "Images a second that training takes, without loading them, when the teacher's outputs are in a cache.",
        'steps that run the teacher', _add_teacher_cache),
}


def _add_benchmark(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest='subcommand', required=True)
    for name, measurement in MEASUREMENTS.items():
        command = commands.add_parser(name, help=measurement.summary, description=measurement.summary)
        add = command.add_argument
        add('config', help='path of a config')
        add('--baseline', action='store_true', help=f'also, in turn, {measurement.baseline}')
        add('--json', action='store_true', help='print JSON')
        add('--runs', type=int, default=7, metavar='N', help='runs of each (default: %(default)s)')
        add('--data-root', metavar='DIR', help="folder of the data, instead of the config's data_root")
        add_cfg_options(command)
        if name in ('train', 'data', 'teacher-cache'):
            add_fast_training(command)
        measurement.add_arguments(command)


def _benchmark(args: argparse.Namespace) -> None:
    from distilpose.benchmark import MEASUREMENTS, display
    from distilpose.engine.device_options import device_options
    from distilpose.engine.launch import load_and_change

    with redirect_stdout(sys.stderr):  # for what the host prints
        cfg, notes = load_and_change(args.config, options=read_options(args), data_root=args.data_root,
                                     fast=getattr(args, 'fast', None))
        for note in notes:
            print(note)
        with device_options(cfg):
            found = MEASUREMENTS[args.subcommand](cfg, args)
    print(display.as_json(found) if args.json else display.as_text(found))


FLOPS = Command(
    'Count parameters and multiply-adds of a model for one image.', script='python tools/get_flops.py',
    add_arguments=_add_flops, check=_check, run=_flops, interrupted='Interrupted. Nothing was written.')
BENCHMARK = Command(
    'Measure the speed of a config: medians of interleaved runs.', script='python tools/benchmark.py',
    add_arguments=_add_benchmark, check=_check, run=_benchmark, interrupted='Interrupted. Nothing was written.')
