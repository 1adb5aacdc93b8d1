"""For trainings of tests: one checkpoint is written to its middle, and then nothing happens until the run is killed."""

from __future__ import annotations

import io
import os
import time
from itertools import count
from types import SimpleNamespace
from typing import Any

import torch

from distilpose.checkpoints import writing

HANGS_AT = 'TEST_HANGS_AT_CHECKPOINT'
"""Environment variable: the number of the checkpoint, from 1, and of the best ones, which count too."""
MESSAGE = 'half of a checkpoint is written'
_NUMBERS = count(1)


def save(content: Any, stream: io.BufferedWriter) -> None:
    """``torch.save`` that stops in the middle of one of the checkpoints."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    data = buffer.getvalue()
    if next(_NUMBERS) != int(os.environ.get(HANGS_AT, '0')):
        stream.write(data)
        return
    stream.write(data[:len(data) // 2])
    stream.flush()
    print(MESSAGE, flush=True)
    time.sleep(600)


writing.torch = SimpleNamespace(save=save)
