"""``python -m distilpose_cli``: the console command where it is not installed."""

import sys

from .console import main

sys.exit(main())
