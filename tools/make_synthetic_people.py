"""Make images of people with annotations: ``python tools/make_synthetic_people.py OUT --images N --seed S``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.data import SYNTHESIZE

build_parser, main = SYNTHESIZE.build_parser, SYNTHESIZE.main

if __name__ == '__main__':
    sys.exit(main())
