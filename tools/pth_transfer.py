"""Keep the student of a distillation checkpoint: ``python tools/pth_transfer.py SRC DST [--two_dis]``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.checkpoints import TRANSFER

build_parser, main = TRANSFER.build_parser, TRANSFER.main

if __name__ == '__main__':
    sys.exit(main())
