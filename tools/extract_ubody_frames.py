"""Take the frames out of UBody's videos: ``python tools/extract_ubody_frames.py data/UBody``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(arguments: list[str] | None = None) -> int:
    """Extracts; returns the exit code."""
    from distilpose.datasets.ubody_frames import extract_frames
    from distilpose.engine import run_tool

    parser = argparse.ArgumentParser(
        description='Write the frames of UBody/videos/SCENE/VIDEO.mp4 as UBody/images/SCENE/VIDEO/000001.png ..., 30 a '
        'second, with ffmpeg. Can be interrupted and started again.')
    add = parser.add_argument
    add('root', metavar='UBODY', help="UBody's folder, with videos and annotations")
    add('--scenes', nargs='+', metavar='SCENE', help='folders of videos (default: all)')
    add('--keep-interval', type=int, metavar='N', help='keep only annotated images whose id is a multiple of N; '
        'training reads those of 10 (default: keep all)')
    add('--jobs', type=int, default=max(1, (os.cpu_count() or 1) // 2), help='videos at a time (default: %(default)s)')
    add('--ffmpeg', default='ffmpeg', help='the program (default: %(default)s)')
    args = parser.parse_args(arguments)
    return run_tool(lambda: print(extract_frames(args.root, scenes=args.scenes, keep_interval=args.keep_interval,
                                                 jobs=args.jobs, ffmpeg=args.ffmpeg)),
                    to_go_on='Run it again to go on; finished videos are kept.')


if __name__ == '__main__':
    sys.exit(main())
