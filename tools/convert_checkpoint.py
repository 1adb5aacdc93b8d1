"""Convert a published checkpoint: ``python tools/convert_checkpoint.py SRC DST --config CONFIG``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.checkpoints import CONVERT

build_parser, main = CONVERT.build_parser, CONVERT.main

if __name__ == '__main__':
    sys.exit(main())
