"""Measure how fast something is: ``python tools/benchmark.py data CONFIG [--baseline] [--json] ...``."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    from distilpose.benchmark import SUBCOMMANDS
    from distilpose.engine import OptionsAction

    parser = argparse.ArgumentParser(description='Measure the speed of a config: medians of interleaved runs.')
    commands = parser.add_subparsers(dest='subcommand', required=True)
    for name, subcommand in SUBCOMMANDS.items():
        command = commands.add_parser(name, help=subcommand.summary, description=subcommand.summary)
        add = command.add_argument
        add('config', help='path of a config')
        add('--baseline', action='store_true', help=f'also, in turn, {subcommand.baseline}')
        add('--json', action='store_true', help='print JSON')
        add('--runs', type=int, default=7, metavar='N', help='runs of each (default: %(default)s)')
        add('--data-root', metavar='DIR', help="folder of the data, instead of the config's data_root")
        add('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE',
            help='values to change in the config')
        subcommand.add_arguments(command)
    return parser


def show(args: argparse.Namespace) -> None:
    """Measures and prints."""
    from distilpose.benchmark import SUBCOMMANDS, display
    from distilpose.engine.launch import load_and_change

    with redirect_stdout(sys.stderr):  # for what the host has to say
        cfg, notes = load_and_change(args.config, options=args.cfg_options, data_root=args.data_root)
        for note in notes:
            print(note)
        found = SUBCOMMANDS[args.subcommand].measure(cfg, args)
    print(display.as_json(found) if args.json else display.as_text(found))


def main(arguments: list[str] | None = None) -> int:
    """Measures; returns the exit code."""
    from distilpose.engine import run_tool

    args = build_parser().parse_args(arguments)
    return run_tool(lambda: show(args), to_go_on='Nothing was written.')


if __name__ == '__main__':
    sys.exit(main())
