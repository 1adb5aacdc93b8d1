"""Convert a published checkpoint: ``python tools/convert_checkpoint.py SRC DST --config CONFIG``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Write a published checkpoint's weights under this project's names, for tools/test.py CONFIG DST. "
        'The source is recognised by its keys; one that does not fit the config exactly is refused.')
    add = parser.add_argument
    add('source', metavar='SRC', help='the published file')
    add('destination', metavar='DST', help='the file to write')
    add('--config', required=True, help='config of the model, or of its distillation, from the current directory or '
        'from the project; or mmpose::...')
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Converts; returns the exit code."""
    from distilpose.engine import run_tool
    from distilpose.export.convert import convert

    args = build_parser().parse_args(arguments)
    return run_tool(lambda: print(convert(args.source, args.destination, config=args.config)))


if __name__ == '__main__':
    sys.exit(main())
