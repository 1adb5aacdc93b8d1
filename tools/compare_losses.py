"""Losses in float32 and with all that is fast: ``python tools/compare_losses.py CONFIG [--seeds 0 1 2] ...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    from distilpose.engine import OptionsAction

    parser = argparse.ArgumentParser(
        description='Train a config in float32 and with everything on that makes it fast, and compare the losses.')
    add = parser.add_argument
    add('config', help='config of a training in float32')
    add('--seeds', nargs='+', type=int, default=[0, 1, 2], metavar='SEED', help='train both for each (default: 0 1 2)')
    add('--work-dir', metavar='DIR', default='work_dirs/compare_losses',
        help='a new folder for the trainings and losses.svg (default: work_dirs/compare_losses, here)')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE',
        help='values to change in the config, such as train_cfg.max_epochs=2')
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Compares; returns the exit code."""
    from distilpose.compare.losses import compare_losses
    from distilpose.engine import run_tool

    args = build_parser().parse_args(arguments)
    return run_tool(lambda: print(compare_losses(
        args.config, seeds=args.seeds, work_dir=Path(args.work_dir).expanduser().absolute(), options=args.cfg_options,
        data_root=args.data_root)), to_go_on='Start again with a new --work-dir.')


if __name__ == '__main__':
    sys.exit(main())
