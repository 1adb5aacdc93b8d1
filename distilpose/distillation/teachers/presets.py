"""Presets of published teachers: finding one by name, and recognising a file at hand."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mmpose.datasets.datasets.utils import parse_pose_metainfo

from distilpose.checkpoints.integrity import sha256_of
from distilpose.errors import DistilPoseError

from .onnx.description import OnnxDescription
from .preset_table import PRESETS, Preset

__all__ = ['PRESETS', 'Preset', 'Recognised', 'describe_preset', 'find_preset', 'keypoint_names', 'list_presets',
           'recognise', 'sha256_of']


class Recognised(NamedTuple):
    """The preset that a file is, and how that was found."""

    preset: Preset
    note: str
    """For the log."""


def find_preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        DistilPoseError: there is none; suggests similar ones.
    """
    if not isinstance(name, str):
        raise DistilPoseError(f'a preset of a teacher is named {name!r}; expected one of {", ".join(PRESETS)}')
    if name in PRESETS:
        return PRESETS[name]
    close = difflib.get_close_matches(name.lower(), PRESETS, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(close)}?' if close else f'expected one of {", ".join(PRESETS)}'
    raise DistilPoseError(f'there is no preset {name!r} of a teacher; {hint} (distilpose train --teacher list)')


def list_presets() -> str:
    """One line for every preset: name, size of the crop, keypoints, whether its digest is published, address."""
    rows = [('preset', 'crop', 'keypoints', 'SHA-256', 'published at')]
    for preset in PRESETS.values():
        size = preset.input.get('size')
        rows.append((preset.name, f'{size[1]}x{size[0]}' if size else '', preset.keypoints,
                     'unknown' if preset.sha256 is None else f'{preset.sha256[:8]}...', preset.url or 'nowhere'))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return '\n'.join('  '.join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
                     for row in rows)


def recognise(file: Path) -> Recognised | None:
    """The preset of a file: by its content where a digest of it is published, else by its name.

    Args:
        file: an ONNX file or a checkpoint.

    Returns:
        ``None`` for a file that is no preset's.
    """
    candidates = [preset for preset in PRESETS.values() if Path(preset.file).suffix == file.suffix.lower()]
    if not candidates or not file.is_file():
        return None
    digest = sha256_of(file)
    for preset in candidates:
        if preset.sha256 is not None and digest.startswith(preset.sha256):
            return Recognised(preset, f'{file} is the preset {preset.name}, by its SHA-256 ({digest[:8]}...).')
    for preset in candidates:
        if file.stem in (Path(preset.file).stem, *preset.also):
            return Recognised(preset, f'{file} is taken for the preset {preset.name} by its name; '
                              f'{_compare(preset, digest)}.')
    return None


def _compare(preset: Preset, digest: str) -> str:
    if preset.sha256 is None:
        return f'its SHA-256 is {digest}, and none is published to compare it with'
    return f'its SHA-256 is {digest}, and that of the published file begins with {preset.sha256[:8]}'


def describe_preset(preset: Preset) -> OnnxDescription:
    """Description of a preset's ONNX file.

    Raises:
        DistilPoseError: it is a checkpoint.
    """
    if preset.config is not None:
        raise DistilPoseError(f'the preset {preset.name} is a checkpoint and no ONNX file; take '
                              f'model.teacher=dict(config={preset.config!r}, checkpoint=...)')
    description = OnnxDescription(source=preset.name)
    return description.changed(input=preset.input, outputs=preset.outputs, keypoint_names=keypoint_names(preset),
                               entry=f'preset {preset.name}')


def keypoint_names(preset: Preset) -> tuple[str, ...]:
    """Names of its keypoints in order."""
    return _names(preset.keypoints)


@cache
def _names(definition: str) -> tuple[str, ...]:
    metainfo = parse_pose_metainfo(dict(from_file=f'configs/_base_/datasets/{definition}.py'))
    names = metainfo['keypoint_id2name']
    return tuple(names[index] for index in sorted(names))
