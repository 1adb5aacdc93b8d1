"""Export a network to ONNX: ``python tools/export.py CONFIG CHECKPOINT OUT.onnx``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.exporting import EXPORT

build_parser, main = EXPORT.build_parser, EXPORT.main

if __name__ == '__main__':
    sys.exit(main())
