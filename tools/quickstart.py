#!/usr/bin/env python
"""Trains a small teacher and the same small student with and without it, in minutes on a CPU, and reports."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def parse(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seed', type=int, default=0, help='of all three trainings (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/quickstart/seed_SEED in the project')
    parser.add_argument('--data', type=Path, default=ROOT / 'data' / 'synthetic_people',
                        help='folder of the synthetic people (default: data/synthetic_people in the project)')
    parser.add_argument('--images', type=int, default=1600, help='how many to make (default: %(default)s)')
    parser.add_argument('--epochs', type=int,
                        help='of every training, for a quick trial (default: those of the configs)')
    return parser.parse_args(arguments)


def stop(*_: object) -> None:
    """Being told to end counts as Ctrl-C: loading processes are ended too."""
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """Runs the quickstart; returns the exit code."""
    options = parse(arguments)
    # These networks are too small for two threads to be faster than one, and the other core prepares the images.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    from rich.console import Console

    from distilpose.errors import DistilPoseError
    from distilpose.quickstart import Settings, run

    work_dir = options.work_dir or ROOT / 'work_dirs' / 'quickstart' / f'seed_{options.seed}'
    command = shlex.join(['./tools/quickstart.sh', *arguments])
    settings = Settings(seed=options.seed, work_dir=work_dir.absolute(), data=options.data.absolute(),
                        images=options.images, epochs=options.epochs, command=command)
    try:
        run(settings, Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120))
    except DistilPoseError as error:
        print(f'quickstart: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'Interrupted; what is finished is kept: run {command} again to continue.', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main(sys.argv[1:]))
