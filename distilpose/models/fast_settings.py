"""Fast settings: what ``--fast`` and ``dtype='auto'`` mean on a machine, in one function each.

``auto`` is bfloat16 where products in it are fast (:mod:`distilpose.processor`), and else float32; it never makes
anything slower than float32.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mmengine.logging import print_log

from distilpose.errors import DistilPoseError
from distilpose.processor import has_fast_bfloat16

FAST = ('auto', 'off', 'float32', 'bfloat16', 'float16')
"""Values of ``--fast``; without a value it is ``auto``."""


@dataclass(frozen=True)
class FastSettings:
    """How a network predicts or trains on this machine.

    Attributes:
        is_on: whether anything is faster than by default: an optimised copy, the channels-last memory format, a fused
            optimizer.
        dtype: ``'bfloat16'`` or ``'float16'`` under autocast, ``None`` for float32.
        compile: a mode of ``torch.compile``, or ``None``.
        reason: why, for the log; empty where it was chosen.
    """

    is_on: bool
    dtype: str | None
    compile: str | None
    reason: str

    def describe(self) -> str:
        """``'bfloat16, compiled (default): ...'``."""
        compiled = f', compiled ({self.compile})' if self.compile else ''
        return f'{self.dtype or "float32"}{compiled}{f": {self.reason}" if self.reason else ""}'


def fast_settings(fast: str, device_type: str = 'cpu', *, compile: str | None = None) -> FastSettings:
    """Resolves ``--fast``. ``auto`` does not compile: on a CPU a copy in bfloat16 is faster uncompiled.

    Args:
        fast: one of :data:`FAST`.
        device_type: ``torch.device.type``.
        compile: a mode of ``torch.compile`` that was chosen.

    Raises:
        DistilPoseError: for another value, or a mode to compile nothing in.
    """
    check_fast(fast)
    if fast == 'off':
        if compile is not None:
            raise DistilPoseError(f'compile is {compile!r}, which compiles the copy that is optimised for inference, '
                                  'and fast is off; take --fast')
        return FastSettings(False, None, None, '')
    if fast != 'auto':
        return FastSettings(True, None if fast == 'float32' else fast, compile, '')
    dtype = resolve_dtype('auto', device_type)
    return FastSettings(True, dtype, compile, _reason(dtype, _name(device_type)))


def resolve_dtype(dtype: str | None, device_type: str = 'cpu') -> str | None:
    """The type of ``'auto'`` on this device: ``'bfloat16'``, or ``None`` for float32. Other values stay."""
    if dtype != 'auto':
        return dtype
    return 'bfloat16' if has_fast_bfloat16(device_type) else None


def resolve_and_log(dtype: str | None, device_type: str, *, entry: str, what: str) -> str | None:
    """As :func:`resolve_dtype`, with a line in the log for ``'auto'``.

    Args:
        dtype: the value of an entry of a config.
        device_type: ``torch.device.type``.
        entry: its name.
        what: is in this type, ``'the teacher predicts'``.
    """
    found = resolve_dtype(dtype, device_type)
    if dtype == 'auto':
        print_log(f"{entry}='auto': {what} in {found or 'float32'}, since {_reason(found, f'device ({device_type})')}.",
                  'current', logging.INFO)
    return found


def check_fast(fast: str) -> None:
    """Refuses unknown values.

    Raises:
        DistilPoseError: names the known ones.
    """
    if fast not in FAST:
        raise DistilPoseError(f'fast is {fast!r}; expected one of {", ".join(FAST)}')


def _reason(dtype: str | None, device: str) -> str:
    return f'products in bfloat16 are {"" if dtype else "not "}fast on this {device}'


def _name(device_type: str) -> str:
    return 'processor' if device_type == 'cpu' else f'device ({device_type})'
