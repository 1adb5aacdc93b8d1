"""Take the frames out of UBody's videos: ``python tools/extract_ubody_frames.py data/UBody``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.data import EXTRACT_UBODY_FRAMES

build_parser, main = EXTRACT_UBODY_FRAMES.build_parser, EXTRACT_UBODY_FRAMES.main

if __name__ == '__main__':
    sys.exit(main())
