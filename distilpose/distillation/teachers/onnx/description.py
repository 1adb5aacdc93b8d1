"""Description of an ONNX file by a config or a preset: input, meaning of the outputs, keypoints."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from pathlib import Path
from typing import Any

from distilpose.errors import DistilPoseError

KINDS = ('heatmaps', 'simcc', 'coordinates')
GRIDS = ('i/n', 'centers', 'udp')
VALUES = ('logits', 'probabilities')
UNITS = ('fractions', 'pixels')
CHANNEL_ORDERS = ('rgb', 'bgr')
LAYOUTS = ('nchw', 'nhwc')
COLUMNS = ('x', 'y', 'z', 'score', '-')


@dataclass(frozen=True)
class OnnxInput:
    """The input of a file; ``None`` for what is unknown."""

    size: tuple[int, int] | None = None
    """(width, height) in pixels; read from the graph where its shape is fixed."""
    mean: tuple[float, float, float] | None = None
    """Is subtracted from pixels of 0 to 255, in the order of the channels; 0 where the file takes pixels. Required."""
    std: tuple[float, float, float] | None = None
    """Divides them afterwards. Required."""
    channel_order: str | None = None
    """``'rgb'`` or ``'bgr'``. Required."""
    padding: float | None = None
    """Factor of the person's box (mmpose's ``GetBBoxCenterScale.padding``) that the network was trained with."""
    udp: bool | None = None
    """Whether crops put the last pixel's centre on the edge of the box (``TopdownAffine.use_udp``); ``None``: no."""
    layout: str | None = None
    """``'nchw'`` or ``'nhwc'``; read from the graph where one axis of the input is 3."""


@dataclass(frozen=True)
class OnnxOutputs:
    """The meaning of a file's outputs; ``None`` for what is unknown."""

    kind: str | None = None
    """``'heatmaps'``, ``'simcc'`` or ``'coordinates'``; read from names and shapes where only one fits."""
    names: tuple[str, ...] | None = None
    """The outputs to take: heatmaps of every stack, the last one being the prediction; SimCC of x and y; coordinates,
    or coordinates and scores."""
    grid: str | None = None
    """Where cell ``i`` of n of a heatmap lies: ``'i/n'`` (``MSRAHeatmap``), ``'centers'`` (at ``(i + 0.5) / n``),
    ``'udp'`` (the last cell on the last pixel, ``UDPHeatmap``). Required."""
    layout: str | None = None
    """Of heatmaps: ``'nchw'`` or ``'nhwc'``; read from their shape where only one fits."""
    sigma: float | None = None
    """Of the gaussians of heatmaps, in cells, for ``model.teacher.heatmap_sigma``."""
    values: str | None = None
    """``'logits'`` or ``'probabilities'``. Of SimCC it is recognised by running the file once. Of heatmaps ``'logits'``
    asks for their sigmoid. Scores beside coordinates are probabilities unless it is ``'logits'``."""
    beta: float | None = None
    """What the training of a SimCC network multiplied its logits with (mmpose's ``KLDiscretLoss.beta``). Required for
    a teacher's logits; probabilities are taken as they are."""
    unit: str | None = None
    """Of coordinates: ``'fractions'`` of the crop, or ``'pixels'`` of it. Required."""
    columns: tuple[str, ...] | None = None
    """The last axis of coordinates: some of x, y, z, score, and ``'-'`` for anything else. ``('x', 'y')`` and
    ``('x', 'y', 'score')`` by default; required for more columns, and for landmarks in one row (B, K * columns)."""


@dataclass(frozen=True)
class OnnxDescription:
    """Description of an ONNX file: what its graph does not contain."""

    input: OnnxInput = field(default_factory=OnnxInput)
    outputs: OnnxOutputs = field(default_factory=OnnxOutputs)
    keypoint_names: tuple[str, ...] | None = None
    """Names of its keypoints in order."""
    source: str | None = None
    """The preset that it comes from, for messages."""
    decoder: Mapping[str, Any] | None = field(default=None, compare=False)
    """mmpose's codec that decodes the outputs, as a config writes it, of a file that this project exported."""
    note: str | None = field(default=None, compare=False)
    """How the preset was recognised where none was named, for the log."""

    def changed(self, *, input: Mapping[str, Any] | None = None, outputs: Mapping[str, Any] | None = None,
                keypoint_names: Sequence[str] | None = None, entry: str = 'model.teacher') -> OnnxDescription:
        """This description with the options of a config, which take precedence.

        Args:
            input: some fields of :class:`OnnxInput`. A single number stands for three equal channels.
            outputs: some fields of :class:`OnnxOutputs`.
            keypoint_names: in order.
            entry: where the config has it, for messages.

        Raises:
            DistilPoseError: a field is unknown or has a value that it cannot have; names the entry and what it may be.
        """
        return replace(self, input=replace(self.input, **_read_input(input or {}, f'{entry}.input')),
                       outputs=replace(self.outputs, **_read_outputs(outputs or {}, f'{entry}.outputs')),
                       keypoint_names=self.keypoint_names if keypoint_names is None else tuple(keypoint_names))


def describe_file(file: Path, preset: str | None) -> OnnxDescription:
    """Description of a file without the options of a config.

    That of the named preset, else the file's own metadata, where ``distilpose export`` wrote it, else
    the preset that the file belongs to.

    Raises:
        DistilPoseError: there is no such preset, or the metadata cannot be read.
    """
    from ..presets import describe_preset, find_preset, recognise  # they are made of descriptions
    from .metadata import read_metadata

    if preset is not None:
        return describe_preset(find_preset(preset))
    exported = read_metadata(file)
    if exported is not None:
        return exported
    found = recognise(file)
    if found is None or found.preset.config is not None:
        return OnnxDescription()
    return replace(describe_preset(found.preset), note=found.note)


def choose(entry: str, value: Any, choices: Sequence[str]) -> str:
    """A value that is one of some words.

    Raises:
        DistilPoseError: it is none of them.
    """
    if value not in choices:
        raise DistilPoseError(f'{entry} is {value!r}; expected one of {", ".join(map(repr, choices))}')
    return str(value)


def _read_input(found: Mapping[str, Any], entry: str) -> dict[str, Any]:
    _check_names(found, OnnxInput, entry)
    read: dict[str, Any] = {key: value for key, value in found.items() if value is not None}
    for key, value in read.items():
        if key in ('mean', 'std'):
            read[key] = _three(f'{entry}.{key}', value)
    if min(read.get('std', (1,))) <= 0:
        raise DistilPoseError(f'{entry}.std is {found["std"]}; expected numbers above 0')
    _check_scale(read, entry)
    if not isinstance(read.get('udp', False), bool):
        raise DistilPoseError(f'{entry}.udp is {read["udp"]!r}; expected True or False')
    if 'size' in read:
        read['size'] = _size(f'{entry}.size', read['size'])
    if 'channel_order' in read:
        read['channel_order'] = choose(f'{entry}.channel_order', str(read['channel_order']).lower(), CHANNEL_ORDERS)
    if 'layout' in read:
        read['layout'] = choose(f'{entry}.layout', read['layout'], LAYOUTS)
    if 'padding' in read:
        read['padding'] = _positive(f'{entry}.padding', read['padding'])
    return read


def _read_outputs(found: Mapping[str, Any], entry: str) -> dict[str, Any]:
    _check_names(found, OnnxOutputs, entry)
    read: dict[str, Any] = {key: value for key, value in found.items() if value is not None}
    for key, choices in (('kind', KINDS), ('grid', GRIDS), ('layout', LAYOUTS), ('values', VALUES), ('unit', UNITS)):
        if key in read:
            read[key] = choose(f'{entry}.{key}', read[key], choices)
    if 'names' in read:
        read['names'] = _words(f'{entry}.names', read['names'], expected='names of outputs of the file, each once')
    for key in ('sigma', 'beta'):
        if key in read:
            read[key] = _positive(f'{entry}.{key}', read[key])
    if 'columns' in read:
        columns = _words(f'{entry}.columns', read['columns'], expected=f'some of {", ".join(map(repr, COLUMNS))}',
                         repeated=('-',))
        read['columns'] = tuple(choose(f'{entry}.columns', column, COLUMNS) for column in columns)
        for column in ('x', 'y'):
            if read['columns'].count(column) != 1:
                raise DistilPoseError(f"{entry}.columns is {read['columns']}; expected 'x' and 'y' once each among "
                                      f'{", ".join(map(repr, COLUMNS))}')
    return read


def _check_names(found: Any, kind: type, entry: str) -> None:
    names = [one.name for one in fields(kind)]
    if not isinstance(found, Mapping):
        raise DistilPoseError(f'{entry} is {found!r}; expected dict(...) with some of {", ".join(names)}')
    for key in found:
        if key not in names:
            close = difflib.get_close_matches(key, names, n=1)
            hint = f'did you mean {close[0]!r}?' if close else f'expected some of {", ".join(names)}'
            raise DistilPoseError(f'{entry} has a key {key!r}; {hint}')


def _check_scale(read: Mapping[str, Any], entry: str) -> None:
    """Refuses mean and std that are meant for pixels of 0 to 1."""
    mean, std = read.get('mean'), read.get('std')
    if (mean is not None and 0 < max(mean) <= 1) or (std is not None and max(std) < 1):
        found = ' and '.join(f'{key} = {_show(read[key])}' for key in ('mean', 'std') if key in read)
        scaled = ' and '.join(f'{key} = {_show([value * 255 for value in read[key]])}' for key in ('mean', 'std')
                              if key in read)
        raise DistilPoseError(f'{entry} has {found}, which are of pixels of 0 to 1; expected those of pixels of 0 to '
                              f'255: {scaled}')


def _show(numbers: Sequence[float]) -> str:
    return f'({", ".join(f"{number:.6g}" for number in numbers)})'


def _words(entry: str, value: Any, *, expected: str, repeated: Sequence[str] = ()) -> tuple[str, ...]:
    """A word, or some, as a tuple; no word twice but those that may be repeated."""
    words = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else ()
    once = [word for word in words if word not in repeated]
    if not words or not all(isinstance(word, str) for word in words) or len(set(once)) != len(once):
        raise DistilPoseError(f'{entry} is {value!r}; expected {expected}')
    return words


def _three(entry: str, value: Any) -> tuple[float, ...]:
    values = [value] if isinstance(value, Real) else list(value) if isinstance(value, Sequence) else []
    if len(values) not in (1, 3) or not all(_is_finite(number) for number in values):
        raise DistilPoseError(f'{entry} is {value!r}; expected one number or three, in pixel values of 0 to 255')
    return tuple(float(number) for number in (values * 3)[:3])


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _size(entry: str, value: Any) -> tuple[int, int]:
    sides = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    if len(sides) != 2 or not all(isinstance(side, int) and side > 1 for side in sides):
        raise DistilPoseError(f'{entry} is {value!r}; expected (width, height) in pixels')
    return sides[0], sides[1]


def _positive(entry: str, value: Any) -> float:
    if not _is_finite(value) or value <= 0:
        raise DistilPoseError(f'{entry} is {value!r}; expected a number above 0')
    return float(value)
