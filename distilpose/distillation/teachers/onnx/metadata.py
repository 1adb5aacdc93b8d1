"""Metadata of exported ONNX files: the description of the input, the outputs and the keypoints, in the file itself.

Every value is JSON. ``distilpose.keypoints`` is a list of names; ``distilpose.input`` and ``distilpose.outputs`` have
the fields of :class:`~.description.OnnxInput` and :class:`~.description.OnnxOutputs`; ``distilpose.decoder`` is a codec
of mmpose's as a config writes it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distilpose.errors import DistilPoseError

from .description import OnnxDescription
from .graph import append_properties, read_properties

_PREFIX = 'distilpose.'
_VERSION = 1


def write_metadata(file: Path, description: OnnxDescription, *, further: Mapping[str, Any] | None = None) -> None:
    """Adds a description to a file.

    Args:
        file: an ONNX graph without a description.
        description: of its input, its outputs and its keypoints.
        further: other keys and values, for readers.
    """
    entries: dict[str, Any] = dict(
        version=_VERSION, input=_given(description.input), outputs=_given(description.outputs), **(further or {}))
    if description.keypoint_names is not None:
        entries['keypoints'] = description.keypoint_names
    if description.decoder is not None:
        entries['decoder'] = description.decoder
    append_properties(file, {f'{_PREFIX}{key}': json.dumps(value) for key, value in entries.items()})


def is_half(file: Path) -> bool:
    """Whether a file that this project exported computes in float16."""
    return read_properties(file).get(f'{_PREFIX}precision') == json.dumps('float16')


def read_metadata(file: Path) -> OnnxDescription | None:
    """The description that a file carries, ``None`` where it has none.

    Raises:
        DistilPoseError: it has one that cannot be read.
    """
    texts = {key.removeprefix(_PREFIX): value for key, value in read_properties(file).items()
             if key.startswith(_PREFIX)}
    if 'version' not in texts:
        return None
    try:
        entries = {key: json.loads(text) for key, text in texts.items()}
    except ValueError as error:
        raise DistilPoseError(f'the metadata of {file} cannot be read: {error}; export it anew') from error
    if entries['version'] != _VERSION:
        raise DistilPoseError(f'the metadata of {file} is of version {entries["version"]}; this distilpose reads '
                              f'version {_VERSION}. Update distilpose, or export the file anew')
    described = OnnxDescription().changed(input=entries.get('input'), outputs=entries.get('outputs'),
                                          keypoint_names=entries.get('keypoints'), entry=f'the metadata of {file}')
    return dataclasses.replace(described, decoder=entries.get('decoder'),
                               note=f'{file.name} describes itself: distilpose exported it.')


def _given(fields: Any) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(fields).items() if value is not None}
