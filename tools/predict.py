"""Predict people's poses on images: ``python tools/predict.py CONFIG CHECKPOINT INPUT ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.predicting import PREDICT

build_parser, main = PREDICT.build_parser, PREDICT.main

if __name__ == '__main__':
    sys.exit(main())
