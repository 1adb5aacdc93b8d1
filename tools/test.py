"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [--dump FILE] ...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    from distilpose.engine import OptionsAction
    from distilpose.models.quick import COMPILE_MODES

    parser = argparse.ArgumentParser(description='Evaluate a pose estimator; a distilled student needs no teacher.')
    add = parser.add_argument
    add('config', help='config of the student or of its distillation, from the current directory or from the project')
    add('checkpoint', help='checkpoint file')
    add('--work-dir', help='folder of the log (default: work_dirs/<name of the config>/test, here)')
    add('--dump', metavar='FILE.pkl', help='write all predictions')
    add('--out', metavar='FILE.json', help='write the metrics')
    add('--show-dir', metavar='DIR', help='write images with the predictions drawn')
    add('--quick', nargs='?', const='float32', choices=('float32', 'bfloat16', 'float16'),
        help='answer with batch normalisation folded and channels last, and in a shorter type if one is named')
    add('--compile', choices=COMPILE_MODES, metavar='MODE',
        help=f'with --quick: compile it ({", ".join(COMPILE_MODES)}), which takes a while at the start')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='values to change in the config')
    add('--launcher', choices=('none', 'pytorch', 'slurm'), default='none', help='who started the processes')
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Evaluates; returns the exit code."""
    from distilpose.engine import evaluate, run_tool

    args = build_parser().parse_args(arguments)
    return run_tool(lambda: evaluate(
        args.config, args.checkpoint, work_dir=args.work_dir, dump=args.dump, out=args.out, show_dir=args.show_dir,
        options=args.cfg_options, data_root=args.data_root, launcher=args.launcher,
        quick=args.quick, compile=args.compile))


if __name__ == '__main__':
    sys.exit(main())
