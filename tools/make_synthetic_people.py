"""Make images of people with annotations: ``python tools/make_synthetic_people.py OUT --images N --seed S``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(arguments: list[str] | None = None) -> int:
    """Makes the data set; returns the exit code."""
    from distilpose.datasets.synthetic import make_dataset
    from distilpose.engine import run_tool

    parser = argparse.ArgumentParser(description='Make images of people annotated as in COCO, COCO-WholeBody and MPII.')
    add = parser.add_argument
    add('out', help='folder to make')
    add('--images', type=int, default=2000, help='number of images (default: %(default)s)')
    add('--seed', type=int, default=0, help='seed of all chance (default: %(default)s)')
    add('--size', type=int, default=320, help='side of the square images in pixels (default: %(default)s)')
    add('--val-fraction', type=float, default=0.2, help='share of the images for validation (default: %(default)s)')
    add('--workers', type=int, default=1, help='processes to work with; the result is the same (default: %(default)s)')
    args = parser.parse_args(arguments)
    return run_tool(lambda: print(make_dataset(
        args.out, images=args.images, seed=args.seed, size=args.size, val_fraction=args.val_fraction,
        workers=args.workers)))


if __name__ == '__main__':
    sys.exit(main())
