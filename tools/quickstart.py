#!/usr/bin/env python
"""Train a small teacher and a small student with and without it: ``./tools/quickstart.sh [--seed N] ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.data import QUICKSTART

build_parser, main = QUICKSTART.build_parser, QUICKSTART.main

if __name__ == '__main__':
    sys.exit(main())
