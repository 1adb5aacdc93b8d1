"""Compare any models: ``python tools/compare_models.py --model NAME CFG --model NAME CFG ... [--seeds 0 1 2] ...``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.comparing import COMPARE_MODELS

build_parser, main = COMPARE_MODELS.build_parser, COMPARE_MODELS.main

if __name__ == '__main__':
    sys.exit(main())
