"""Count what a model costs: ``python tools/get_flops.py CONFIG [--json] [--by-module [DEPTH]] ...``."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    from distilpose.complexity import STYLES
    from distilpose.engine import OptionsAction

    parser = argparse.ArgumentParser(description='Count parameters and multiply-adds of a model for one image.')
    add = parser.add_argument
    add('config', help='config of a pose estimator, or of a distillation, for its student; or mmpose::...')
    add('--json', action='store_true', help='print JSON')
    add('--by-module', nargs='?', type=int, const=2, metavar='DEPTH',
        help='also the cost of every module, down to this depth (default: %(const)s)')
    add('--shape', nargs=2, type=int, metavar=('HEIGHT', 'WIDTH'), help="of the image (default: the config's)")
    add('--style', choices=STYLES, default='mmcv',
        help="the published counter: mmcv for DistilPose's tables, hrnet for HRNet's, TokenPose's, SimDR's and FPD's "
        '(default: %(default)s)')
    add('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='values to change in the config')
    return parser


def show(args: argparse.Namespace) -> None:
    """Measures and prints."""
    from distilpose.complexity import STYLES, measure
    from distilpose.complexity.display import print_json, print_text
    from distilpose.engine.launch import load_and_change

    style = STYLES[args.style]
    with redirect_stdout(sys.stderr):  # for what the host has to say
        cfg, notes = load_and_change(args.config, options=args.cfg_options)
        for note in notes:
            print(note)
        found = measure(cfg, style=style, input_size=args.shape and tuple(args.shape[::-1]))
    if args.json:
        print_json(found, depth=args.by_module)
    else:
        print_text(found, style=style, depth=args.by_module)


def main(arguments: list[str] | None = None) -> int:
    """Counts; returns the exit code."""
    from distilpose.engine import run_tool

    args = build_parser().parse_args(arguments)
    return run_tool(lambda: show(args))


if __name__ == '__main__':
    sys.exit(main())
