"""Compare students: ``python tools/compare.py --teacher CFG --baseline CFG --distilled CFG [--seeds 0 1 2] ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.comparing import COMPARE

build_parser, main = COMPARE.build_parser, COMPARE.main

if __name__ == '__main__':
    sys.exit(main())
