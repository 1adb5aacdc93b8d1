"""Write what a teacher predicts as annotations: ``python tools/label.py TEACHER INPUT ... --out coco.json``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.labelling import LABEL

build_parser, main = LABEL.build_parser, LABEL.main

if __name__ == '__main__':
    sys.exit(main())
