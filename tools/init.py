"""Write a config for annotations of your own: ``python tools/init.py COCO.json``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.initialising import INIT

build_parser, main = INIT.build_parser, INIT.main

if __name__ == '__main__':
    sys.exit(main())
