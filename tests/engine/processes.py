"""Running a script in two processes that share their gradients through gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .tiny import PROJECT


def run_in_two_processes(script: str, folder: Path, *arguments: str | Path, timeout: float = 600.0) -> str:
    """Writes a script into a folder and runs it with the arguments in two processes.

    Returns:
        What they printed.
    """
    file = folder / 'two_processes.py'
    file.write_text(script)
    result = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node=2', '--rdzv-backend=c10d',
         '--rdzv-endpoint=localhost:0', str(file), *map(str, arguments)],
        env={**os.environ, 'PYTHONPATH': str(PROJECT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''},
        capture_output=True, text=True, timeout=timeout)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output[-5000:]
    return output
