"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [--dump FILE] ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.training import TEST

build_parser, main = TEST.build_parser, TEST.main

if __name__ == '__main__':
    sys.exit(main())
