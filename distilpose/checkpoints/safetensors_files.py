"""Safetensors files: reading, recognising and writing weights.

A file is recognised by its content: eight bytes with the length of a header, then the header, which is JSON. It holds
tensors by name and nothing else; the header's ``__metadata__``, which is free text, is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import BadCheckpoint

SUFFIX = '.safetensors'
_LENGTH_BYTES, _LONGEST_HEADER = 8, 100_000_000
_CUT = ('not fully covered', 'invalid header length', 'header too small')


def is_safetensors(file: Path) -> bool:
    """Whether the content of a file begins as one of this format; the suffix is enough for a damaged one."""
    with file.open('rb') as stream:
        head = stream.read(_LENGTH_BYTES + 1)
    if file.suffix == SUFFIX:
        return head[_LENGTH_BYTES:] == b'{' or 0 < len(head) <= _LENGTH_BYTES
    return head[_LENGTH_BYTES:] == b'{' and int.from_bytes(head[:_LENGTH_BYTES], 'little') <= _LONGEST_HEADER


def read_safetensors(file: Path, map_location: Any = 'cpu') -> dict[str, Tensor]:
    """Reads the tensors of a file.

    Args:
        file: of the format, see :func:`is_safetensors`.
        map_location: as for ``torch.load``; the file's tensors are those of the CPU.

    Returns:
        The tensors by name, each with memory of its own.

    Raises:
        BadCheckpoint: the file is damaged.
    """
    try:
        with safe_open(file, framework='pt', device='cpu') as opened:
            names = opened.keys()
            return {name: _moved(opened.get_tensor(name).clone(), map_location) for name in names}
    except (SafetensorError, OSError, ValueError, TypeError, LookupError, OverflowError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise BadCheckpoint(f'{file} ({file.stat().st_size:,} bytes) is a safetensors file that cannot be read: '
                            f'{_reason(str(error))}') from error


def write_safetensors(weights: Mapping[str, Tensor], file: Path, *, about: Mapping[str, str]) -> None:
    """Writes weights, with words about them as ``__metadata__``."""
    own = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in weights.items()}
    save_file(own, file, metadata=dict(about, format='pt'))


def _moved(value: Tensor, location: Any) -> Tensor:
    """A tensor of the CPU, where ``torch.load(map_location=...)`` puts one."""
    if isinstance(location, Mapping):
        location = location.get('cpu')
    if location is None:
        return value
    if not isinstance(location, Callable):  # type: ignore[arg-type]
        return value.to(location)
    storage = location(value.untyped_storage(), 'cpu')
    return value if storage is None else torch.empty(0, dtype=value.dtype, device=storage.device).set_(
        storage, 0, value.shape, value.stride())


def _reason(message: str) -> str:
    """The library's words, without its list of all types, and what to do about a file that was cut."""
    words = message.partition('header: ')[2] or message
    words = words.splitlines()[0].partition(', expected one of')[0]
    return words + ('. Download or copy it again' if any(cut in words for cut in _CUT) else '')
