"""Trusted checkpoint files: those that the environment lists may run code while they are read."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

from ..errors import DistilPoseError

TRUST_VARIABLE = 'DISTILPOSE_TRUSTED_CHECKPOINTS'


class UntrustedCheckpoint(DistilPoseError, pickle.UnpicklingError):
    """The file can only be read by running code that it names, and it is not listed as trusted."""


def is_listed_as_trusted(file: Path) -> bool:
    """Whether the environment lists a file or a folder that it is in."""
    entries = os.environ.get(TRUST_VARIABLE, '').split(os.pathsep)
    listed = [Path(entry).expanduser().resolve() for entry in entries if entry]
    resolved = file.resolve()
    return any(entry == resolved or entry in resolved.parents for entry in listed)


def how_to_trust(file: Path) -> str:
    """The end of a sentence that refuses a file."""
    return (f'Only if you trust where the file comes from, pass trusted=True, or list it in the environment: '
            f'{TRUST_VARIABLE}={file.resolve()}')
