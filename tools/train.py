"""Train a pose estimator: ``python tools/train.py CONFIG [--work-dir DIR] [--resume] [--amp] ...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    from distilpose.engine import OptionsAction

    parser = argparse.ArgumentParser(description='Train a pose estimator, with or without a teacher.')
    add = parser.add_argument
    add('config', help='config file, from the current directory or from the project, or mmpose::...')
    add('--work-dir', help='folder of checkpoints and logs (default: work_dirs/<name of the config>, here)')
    add('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
        help='go on from this checkpoint, or from the last one in the work directory')
    add('--amp', action='store_true', help='train in bfloat16 (or --cfg-options optim_wrapper.dtype=float16)')
    add('--seed', type=int, help='seed of all random numbers')
    add('--deterministic', action='store_true', help='use deterministic algorithms only')
    add('--no-validate', action='store_true', help='do not evaluate during training')
    add('--auto-scale-lr', action='store_true', help='scale the learning rate to the batch size of all processes')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE',
        help='values to change in the config, such as train_dataloader.batch_size=16 model.head.encoder.depth=6')
    add('--launcher', choices=('none', 'pytorch', 'slurm'), default='none', help='who started the processes')
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Trains; returns the exit code."""
    from distilpose.engine import run_tool, train

    args = build_parser().parse_args(arguments)
    return run_tool(lambda: train(
        args.config, work_dir=args.work_dir, resume=args.resume, amp=args.amp, seed=args.seed,
        deterministic=args.deterministic, validate=not args.no_validate, auto_scale_lr=args.auto_scale_lr,
        options=args.cfg_options, data_root=args.data_root, launcher=args.launcher))


if __name__ == '__main__':
    sys.exit(main())
