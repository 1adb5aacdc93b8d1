"""Keep the student of a distillation checkpoint: ``python tools/pth_transfer.py SRC DST [--two_dis]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Write the weights of a distillation's student as a plain model's checkpoint: of DWPose's own "
        'training, which keeps student and teacher in one file, or of this project, which drops the weights of terms.')
    add = parser.add_argument
    add('source', metavar='SRC', help='the checkpoint of the distillation')
    add('destination', metavar='DST', help='the file to write')
    add('--two_dis', '--two-dis', action='store_true',
        help="the file is of the second stage: the teacher's backbone with the student's head is written")
    add('--config', help="the plain model's config, to compare every name and shape with; or mmpose::...")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Transfers; returns the exit code."""
    from distilpose.engine import run_tool
    from distilpose.export.transfer import transfer

    args = build_parser().parse_args(arguments)
    return run_tool(lambda: print(transfer(args.source, args.destination, two_dis=args.two_dis, config=args.config)))


if __name__ == '__main__':
    sys.exit(main())
