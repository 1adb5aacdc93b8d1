"""Training state in a checkpoint: the entries that mmengine reads to resume, and their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ..errors import BadCheckpoint, DistilPoseError
from .safetensors_files import is_safetensors

NEEDED = ('meta', 'message_hub', 'optimizer', 'state_dict')
"""Entries of a checkpoint that a training can be resumed from."""
_MOST = 2**53


class _Entry(NamedTuple):
    expected: str
    is_good: Callable[[Any], bool]
    is_needed: bool = False


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_weights(value: Any) -> bool:
    return _is_mapping(value) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items())


_MAPPING = 'a dictionary', _is_mapping
_ENTRIES: dict[str, _Entry] = {
    'meta': _Entry(*_MAPPING, True),
    'meta.epoch': _Entry('a number of epochs', _is_count, True),
    'meta.iter': _Entry('a number of iterations', _is_count, True),
    'meta.seed': _Entry('a seed', lambda value: value is None or _is_count(value)),
    'meta.cfg': _Entry('the text of a config', lambda value: isinstance(value, str)),
    'meta.dataset_meta': _Entry('a dictionary', lambda value: value is None or _is_mapping(value)),
    'message_hub': _Entry(*_MAPPING, True),
    'message_hub.log_scalars': _Entry(*_MAPPING, True),
    'message_hub.runtime_info': _Entry(*_MAPPING, True),
    'message_hub.resumed_keys': _Entry(*_MAPPING, True),
    'optimizer': _Entry(*_MAPPING, True),
    'state_dict': _Entry('a dictionary of tensors', _is_weights, True),
    'moving_average': _Entry('averages of the student, by teacher', lambda value: _is_mapping(value) and all(
        _is_mapping(average) and _is_weights(average.get('state_dict')) and _is_count(average.get('updates'))
        for average in value.values())),
    'param_schedulers': _Entry('a list of dictionaries', lambda value: all(map(_is_mapping, (
        value if isinstance(value, list) else sum(value.values(), []) if _is_lists(value) else [None])))),
}


def check_training_state(checkpoint: Mapping[str, Any], *, source: str | Path) -> None:
    """Compares the entries of a checkpoint with those that a resumed training reads.

    Args:
        checkpoint: what :func:`~distilpose.checkpoints.load_file` returned.
        source: the file, for messages.

    Raises:
        DistilPoseError: it holds weights only.
        BadCheckpoint: an entry has another type than expected.
    """
    missing = [name for name in NEEDED if name not in checkpoint]
    if missing:
        file = Path(source)
        why = ('it is a safetensors file, which holds weights only' if file.is_file() and is_safetensors(file) else
               f'it holds no {", ".join(missing)}, so it is not a checkpoint of a training')
        raise DistilPoseError(f'{source} cannot be resumed from: {why}. To start from its weights, use --cfg-options '
                              'load_from=FILE')
    for name, entry in _ENTRIES.items():
        value: Any = checkpoint
        for key in name.split('.'):
            value = value.get(key, _ENTRIES) if isinstance(value, Mapping) else None
        if value is _ENTRIES and not entry.is_needed:
            continue
        if value is _ENTRIES or not entry.is_good(value):
            found = 'missing' if value is _ENTRIES else _shown(value)
            raise BadCheckpoint(f'{source} cannot be resumed from: its entry {name} is {found}, and {entry.expected} '
                                'was expected. Resume from another checkpoint, or start from its weights with '
                                '--cfg-options load_from=FILE')


def _is_lists(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(entry, list) for entry in value.values())


def _shown(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, (str, int, float, bool)) else f'a {type(value).__name__}'
