"""Count what a model costs: ``python tools/get_flops.py CONFIG [--json] [--by-module [DEPTH]] ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.measuring import FLOPS

build_parser, main = FLOPS.build_parser, FLOPS.main

if __name__ == '__main__':
    sys.exit(main())
