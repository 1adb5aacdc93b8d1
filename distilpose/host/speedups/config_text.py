"""Text of a config, formatted once and cached."""

from __future__ import annotations

import functools
import json
from typing import Any

from mmengine.config import config

formatting = config.FormatCode
"""yapf's own, which takes seconds for a config of some hundred lines."""


def format_code(text: str, **options: Any) -> tuple[str, bool]:
    """yapf's ``FormatCode``, which remembers its last results.

    mmengine lays the same text out for the work directory, for each visualizer backend and for every checkpoint.

    Args:
        text: Python code.
        options: of yapf, plain data.

    Returns:
        The code laid out, and whether that changed it.
    """
    return _format(text, json.dumps(options, sort_keys=True))


@functools.lru_cache(maxsize=8)
def _format(text: str, options: str) -> tuple[str, bool]:
    return formatting(text, **json.loads(options))
