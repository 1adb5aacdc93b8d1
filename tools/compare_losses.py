"""Losses in float32 and with all that is fast: ``python tools/compare_losses.py CONFIG [--seeds 0 1 2] ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.comparing import COMPARE_LOSSES

build_parser, main = COMPARE_LOSSES.build_parser, COMPARE_LOSSES.main

if __name__ == '__main__':
    sys.exit(main())
