"""Check a config before its training, and how good its teacher is: ``python tools/check.py CONFIG ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.training import CHECK

build_parser, main = CHECK.build_parser, CHECK.main

if __name__ == '__main__':
    sys.exit(main())
