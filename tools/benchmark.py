"""Measure how fast something is: ``python tools/benchmark.py data CONFIG [--baseline] [--json] ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.measuring import BENCHMARK

build_parser, main = BENCHMARK.build_parser, BENCHMARK.main

if __name__ == '__main__':
    sys.exit(main())
