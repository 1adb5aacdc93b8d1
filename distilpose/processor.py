"""Processor features: the instruction sets of the CPU, and whether a device multiplies bfloat16 fast.

Nothing of the package is imported here, so that ``distilpose doctor`` reads this module where the package is broken.
"""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from pathlib import Path

_CPUINFO = Path('/proc/cpuinfo')
_SYSCTL_NAMES = {'avx2_0': 'avx2', 'FEAT_BF16': 'bf16', 'FEAT_I8MM': 'i8mm'}
_BFLOAT16_PRODUCTS = frozenset({'avx512_bf16', 'amx_bf16', 'bf16'})
"""Instructions that multiply bfloat16: of x86 as Linux names them, and ``bf16`` of ARM."""
_ISAS_WITHOUT_BFLOAT16 = frozenset({'SSE41', 'AVX', 'AVX2', 'AVX2_VNNI', 'AVX2_VNNI_2', 'AVX512_CORE',
                                    'AVX512_CORE_VNNI'})
"""Values of ``ONEDNN_MAX_CPU_ISA`` that keep oneDNN from the instructions above."""


@functools.cache
def cpu_features() -> frozenset[str]:
    """Names of the CPU's instruction sets as Linux spells them, such as ``avx512_bf16``; none where they are unknown.

    ``/proc/cpuinfo`` of Linux or ``sysctl`` of macOS is read once.
    """
    listed = _cpuinfo('flags') or _cpuinfo('Features')  # x86, ARM
    if listed:
        return frozenset(listed.lower().split())
    names = (name.rpartition('.')[2] for name, value in _sysctl().items()
             if name.startswith('hw.optional.') and value == '1')
    return frozenset(_SYSCTL_NAMES.get(name, name.lower()) for name in names)


@functools.cache
def has_fast_bfloat16(device_type: str = 'cpu') -> bool:
    """Whether products in bfloat16 are faster than in float32; a device that is not known has none.

    On a CPU it needs instructions for such products (``avx512_bf16``, ``amx_bf16``, ``bf16`` of ARM) and oneDNN, which
    uses them; the variable ``ONEDNN_MAX_CPU_ISA`` may forbid it to. CUDA devices have them from compute capability 8.0.

    Args:
        device_type: ``torch.device.type``.
    """
    import torch

    if device_type == 'cpu':
        return bool(cpu_features() & _BFLOAT16_PRODUCTS and torch.backends.mkldnn.is_available()
                    and os.environ.get('ONEDNN_MAX_CPU_ISA', '').upper() not in _ISAS_WITHOUT_BFLOAT16)
    if device_type == 'cuda':
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return False


def usable_cores() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def cpp_compiler() -> str:
    """The command that ``torch.compile`` starts on a CPU: that of the variable ``CXX``, or the system's usual one."""
    usual = {'darwin': 'clang++', 'win32': 'cl'}
    return os.environ.get('CXX') or usual.get(sys.platform, 'g++')


def processor_name() -> str:
    """What the CPU calls itself, or its architecture."""
    return _cpuinfo('model name') or _sysctl().get('machdep.cpu.brand_string') or platform.machine()


def _cpuinfo(key: str) -> str | None:
    """A value of the first processor in Linux's list."""
    try:
        lines = _CPUINFO.read_text(encoding='utf-8').splitlines()
    except OSError:  # another system
        return None
    return next((value.strip() for name, _, value in (line.partition(':') for line in lines) if name.strip() == key),
                None)


@functools.cache
def _sysctl() -> dict[str, str]:
    """macOS's values; none elsewhere."""
    if sys.platform != 'darwin':
        return {}
    done = subprocess.run(['sysctl', 'hw.optional', 'machdep.cpu'], capture_output=True, text=True, check=False)
    return {name: value.strip() for name, _, value in (line.partition(':') for line in done.stdout.splitlines())}
