"""Train a pose estimator: ``python tools/train.py CONFIG [--work-dir DIR] [--resume] [--amp] ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.training import TRAIN

build_parser, main = TRAIN.build_parser, TRAIN.main

if __name__ == '__main__':
    sys.exit(main())
