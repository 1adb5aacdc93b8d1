"""Embedded data and commands on it: ``distilpose quickstart``, ``distilpose synthesize``; UBody's frames."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .command import Command
from .paths import working_root


def _add_quickstart(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('--seed', type=int, default=0, help='of all three trainings (default: %(default)s)')
    add('--work-dir', type=Path,
        help='default: work_dirs/quickstart/seed_SEED in the project, or here where it is installed')
    add('--data', type=Path, default=working_root() / 'data' / 'synthetic_people',
        help='folder of the synthetic people (default: data/synthetic_people in the project, or here)')
    add('--images', type=int, default=1600, help='how many to make (default: %(default)s)')
    add('--epochs', type=int, help='of every training, for a quick trial (default: those of the configs)')


def _quickstart(args: argparse.Namespace) -> None:
    # These networks are too small for two threads to be faster than one, and the other core prepares the images.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    from rich.console import Console

    from distilpose.quickstart import Settings, run

    work_dir = args.work_dir or working_root() / 'work_dirs' / 'quickstart' / f'seed_{args.seed}'
    settings = Settings(seed=args.seed, work_dir=work_dir.absolute(), data=args.data.absolute(), images=args.images,
                        epochs=args.epochs, command=args.command_line)
    run(settings, Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120))


def _add_synthesize(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('out', help='folder to make')
    add('--images', type=int, default=2000, help='number of images (default: %(default)s)')
    add('--seed', type=int, default=0, help='seed of all chance (default: %(default)s)')
    add('--size', type=int, default=320, help='side of the square images in pixels (default: %(default)s)')
    add('--val-fraction', type=float, default=0.2, help='share of the images for validation (default: %(default)s)')
    add('--workers', type=int, default=1, help='processes to work with; the result is the same (default: %(default)s)')


def _synthesize(args: argparse.Namespace) -> None:
    from distilpose.synthetic import make_dataset

    print(make_dataset(args.out, images=args.images, seed=args.seed, size=args.size, val_fraction=args.val_fraction,
                       workers=args.workers))


def _add_extract_ubody_frames(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('root', metavar='UBODY', help="UBody's folder, with videos and annotations")
    add('--scenes', nargs='+', metavar='SCENE', help='folders of videos (default: all)')
    add('--keep-interval', type=int, metavar='N', help='keep only annotated images whose id is a multiple of N; '
        'training reads those of 10 (default: keep all)')
    add('--jobs', type=int, default=max(1, (os.cpu_count() or 1) // 2), help='videos at a time (default: %(default)s)')
    add('--ffmpeg', default='ffmpeg', help='the program (default: %(default)s)')


def _extract_ubody_frames(args: argparse.Namespace) -> None:
    from distilpose.datasets.ubody_frames import extract_frames

    print(extract_frames(args.root, scenes=args.scenes, keep_interval=args.keep_interval, jobs=args.jobs,
                         ffmpeg=args.ffmpeg))


QUICKSTART = Command(
    'Train a small teacher and the same small student with and without it, in minutes on a CPU, and report.',
    script='./tools/quickstart.sh', program='quickstart', add_arguments=_add_quickstart, run=_quickstart,
    interrupted='Interrupted; what is finished is kept: run {command} again to continue.')
SYNTHESIZE = Command(
    'Make images of people annotated as in COCO, COCO-WholeBody and MPII.',
    script='python tools/make_synthetic_people.py', add_arguments=_add_synthesize, run=_synthesize)
EXTRACT_UBODY_FRAMES = Command(
    "Write the frames of UBody's videos as images.",
    details='UBody/videos/SCENE/VIDEO.mp4 becomes UBody/images/SCENE/VIDEO/000001.png ..., 30 a second, with ffmpeg. '
    'Can be interrupted and started again.',
    script='python tools/extract_ubody_frames.py', add_arguments=_add_extract_ubody_frames, run=_extract_ubody_frames,
    interrupted='Interrupted. Run it again to go on; finished videos are kept.')
