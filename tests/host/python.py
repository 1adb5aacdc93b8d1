"""Running code in a Python of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A process in which modules of distilpose.host can be imported without being applied, as `import distilpose` would do.
WITHOUT_APPLYING = f"""
import sys, types
package = types.ModuleType('distilpose')
package.__path__ = [{str(ROOT / 'distilpose')!r}]
sys.modules['distilpose'] = package
from distilpose.host import array_conversion, imports, packages, processes, table
"""


def run(code: str, *, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    """Runs code in a Python of its own."""
    variables = {**os.environ, 'PYTHONPATH': str(path or ROOT), 'OMP_NUM_THREADS': '1', **environment}
    return subprocess.run(
        [sys.executable, '-c', textwrap.dedent(code)], env=variables, capture_output=True, text=True, timeout=600
    )
