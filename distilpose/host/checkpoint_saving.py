"""Atomic saving of checkpoints by mmengine: a killed run leaves the old file or the new one, whole.

mmengine writes into the file itself, after it has made a second copy of all tensors in memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

Writer = Callable[[Any, Path], None]
"""``write(checkpoint, path)`` writes a checkpoint file."""
_WRITERS: list[Writer] = []
_ORIGINAL: list[Callable[..., None]] = []


def write_checkpoints_with(writer: Writer) -> None:
    """Registers the function that writes checkpoint files; ``distilpose.checkpoints`` does so with its own."""
    _WRITERS[:] = [writer]


def save_checkpoints_atomically() -> None:
    """Lets mmengine write every local checkpoint with the registered writer."""
    from mmengine.runner import checkpoint

    from .patching import replace_everywhere

    original = checkpoint.save_checkpoint
    _ORIGINAL[:] = [original]
    replace_everywhere(original, functools.wraps(original)(save_checkpoint), 'mmengine')


def save_checkpoint(checkpoint: dict[str, Any], filename: str, file_client_args: dict[str, Any] | None = None,
                    backend_args: dict[str, Any] | None = None) -> None:
    """mmengine's function of this name; files that are not on a disk of this machine are left to it."""
    if not _WRITERS or not _is_local(str(filename), file_client_args, backend_args):
        _ORIGINAL[0](checkpoint, filename, file_client_args=file_client_args, backend_args=backend_args)
        return
    _WRITERS[0](checkpoint, Path(filename))


def _is_local(filename: str, file_client_args: dict[str, Any] | None, backend_args: dict[str, Any] | None) -> bool:
    from mmengine.fileio import FileClient, LocalBackend, get_file_backend

    if filename.startswith('pavi://'):  # which get_file_backend does not handle
        return False
    if file_client_args is not None:
        return isinstance(FileClient.infer_client(file_client_args, filename).client, LocalBackend)
    return isinstance(get_file_backend(filename, backend_args=backend_args), LocalBackend)
