"""A pipeline step that takes time, so that there is some to send a signal in."""

from __future__ import annotations

import time

from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module(force=True)
class SlowDown(BaseTransform):
    """Waits."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def transform(self, results: dict) -> dict:
        time.sleep(self.seconds)
        return results
