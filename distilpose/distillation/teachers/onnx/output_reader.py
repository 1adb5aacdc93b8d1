"""Output reader of ONNX files: finds kind, order and layout of the outputs from names, shapes and the config."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from distilpose.errors import DistilPoseError

from .description import GRIDS, KINDS, LAYOUTS, UNITS, OnnxOutputs
from .outputs import OutputReading, is_distribution
from .session import Port

MOST_COLUMNS, _FEWEST_BINS, _FEWEST_NUMBERS = 8, 16, 8
"""Columns of coordinates; bins of an axis; numbers of landmarks in one row."""


class ProbedOutput(NamedTuple):
    """An output, and what it was for one image."""

    port: Port
    value: Tensor
    """Without the batch's axis."""

    def __str__(self) -> str:
        return f'{self.port.name} (B, {", ".join(map(str, self.value.shape))})'


class OutputReader:
    """Finds the reading of a file's outputs.

    Args:
        probed: all outputs for one image.
        declared: options of a config or a preset.
        size: (width, height) of the images.
        keypoints: how many there are, ``None`` if unknown.
        entry: where the config has ``declared``, for messages.

    Attributes:
        missing: entries that the config has to set, with their possible values; filled by :meth:`find`.
    """

    def __init__(self, probed: Sequence[ProbedOutput], declared: OnnxOutputs, *, size: tuple[int, int],
                 keypoints: int | None, entry: str) -> None:
        self.all = list(probed)
        self.declared, self.size, self.keypoints, self.entry = declared, size, keypoints, entry
        self.candidates = [one for one in probed if one.port.dtype.is_floating_point]
        self.missing: list[str] = []
        self.refusals: list[DistilPoseError] = []

    def find(self) -> OutputReading:
        """The reading; valid if nothing is missing.

        Raises:
            DistilPoseError: nothing or more than one thing fits, or what was declared does not fit the file.
        """
        if self.declared.names is not None:
            self.candidates = [self._named(name) for name in self.declared.names]
        finders: dict[str, Callable[[], OutputReading | None]] = dict(
            heatmaps=self._heatmaps, simcc=self._simcc, coordinates=self._coordinates)
        if self.declared.kind is not None:
            found = [finders[self.declared.kind]()]
        else:
            found = [self._tried(finders[kind]) for kind in KINDS]
        readings = [reading for reading in found if reading is not None]
        if len(readings) > 1:  # one row of numbers may be anything
            readings = [reading for reading in readings if self._named(reading.ports[0].name).value.dim() > 1]
        if len(readings) != 1:
            raise self.refusals[0] if not readings and len(self.refusals) == 1 else self._undecided(readings)
        self.missing.clear()
        return finders[readings[0].kind]() or readings[0]  # once more, for what is missing of this kind

    def _tried(self, finder: Callable[[], OutputReading | None]) -> OutputReading | None:
        try:
            return finder()
        except DistilPoseError as error:
            self.refusals.append(error)
            return None

    def _named(self, name: str) -> ProbedOutput:
        for one in self.all:
            if one.port.name == name:
                return one
        raise DistilPoseError(f'{self.entry}.names has {name!r}, and the outputs of the file are '
                              f'{", ".join(map(str, self.all))}')

    def _undecided(self, readings: Sequence[OutputReading]) -> DistilPoseError:
        outputs = ', '.join(map(str, self.candidates if self.declared.names else self.all))
        if readings:
            kinds = ' and '.join(f'{reading.kind} ({", ".join(port.name for port in reading.ports)})'
                                 for reading in readings)
            return DistilPoseError(f'the outputs {outputs} may be {kinds}; choose with {self.entry}.kind='
                                   f'{" or ".join(repr(reading.kind) for reading in readings)}')
        kind = f' as {self.declared.kind}' if self.declared.kind else ''
        of = '' if self.keypoints is None else f' (K = {self.keypoints})'
        return DistilPoseError(
            f'the outputs {outputs} cannot be read{kind}; expected heatmaps (B, K, H, W) in the proportions of the '
            f'input of {self.size[0]}x{self.size[1]} (width x height), SimCC (B, K, Wx) and (B, K, Wy), or coordinates '
            f'(B, K, 2 or more) or (B, K * columns){of}. Name those to take with {self.entry}.names=(...), what they '
            f'are with {self.entry}.kind={" or ".join(map(repr, KINDS))}, and the columns of coordinates with '
            f"{self.entry}.columns=('x', 'y', ...)")

    def _heatmaps(self) -> OutputReading | None:
        layouts = [self.declared.layout] if self.declared.layout else list(LAYOUTS)
        fitting = [(one, [layout for layout in layouts if self._is_map(one.value, layout)]) for one in self.candidates]
        fitting = [(one, fits) for one, fits in fitting if fits]
        shapes = {one.value.shape for one, _ in fitting}
        if len(shapes) != 1:
            if shapes and (self.declared.kind or self.declared.names):
                raise self._several([one for one, _ in fitting], 'heatmaps of one size')
            return None
        fits = fitting[0][1]
        if len(fits) > 1:
            self.missing.append(f"{self.entry}.layout='nchw' (keypoints first) or 'nhwc'")
        if self.declared.grid is None:
            self.missing.append(f'{self.entry}.grid={" or ".join(map(repr, GRIDS))} (cell i of n lies at the fraction '
                                'i / n of the crop, as in MSRAHeatmap; at (i + 0.5) / n; or the last cell on the last '
                                'pixel, as in UDPHeatmap)')
        value = fitting[0][0].value
        count, height, width = value.shape if fits[0] == 'nchw' else (value.shape[2], value.shape[0], value.shape[1])
        return OutputReading('heatmaps', tuple(one.port for one, _ in fitting), count, self.size, (width, height),
                             layout=fits[0], grid=self.declared.grid or 'i/n', values=self.declared.values)

    def _is_map(self, value: Tensor, layout: str) -> bool:
        if value.dim() != 3:
            return False
        count, height, width = value.shape if layout == 'nchw' else (value.shape[2], value.shape[0], value.shape[1])
        fits = min(height, width) > 1 and width * self.size[1] == height * self.size[0] and width <= self.size[0]
        return fits and self.keypoints in (None, count)

    def _simcc(self) -> OutputReading | None:
        rows = [one for one in self.candidates if one.value.dim() == 2 and one.value.shape[1] >= _FEWEST_BINS
                and self.keypoints in (None, one.value.shape[0])]
        if len(rows) != 2 or rows[0].value.shape[0] != rows[1].value.shape[0]:
            if rows and self.declared.kind:
                raise self._several(rows, 'two of them, SimCC of x and of y')
            return None
        along_x, along_y = rows if self.declared.names else self._in_order(rows)
        bins = along_x.value.shape[1], along_y.value.shape[1]
        if self._is_turned(*bins):
            raise DistilPoseError(f'{along_x} is taken for x and {along_y} for y, and their bins have the proportions '
                                  f'of the input of {self.size[0]}x{self.size[1]} (width x height) the other way '
                                  f"round; set the order with {self.entry}.names=('of x', 'of y')")
        return OutputReading('simcc', (along_x.port, along_y.port), along_x.value.shape[0], self.size, bins,
                             values=self._values_of_rows(along_x, along_y))

    def _in_order(self, rows: Sequence[ProbedOutput]) -> Sequence[ProbedOutput]:
        """Of x, of y: by names that end in these letters, or by the proportions of the input."""
        letters = [re.search('[xy]$', one.port.name.lower()) for one in rows]
        found = [letter and letter[0] for letter in letters]
        if set(found) == {'x', 'y'}:
            return rows if found[0] == 'x' else rows[::-1]
        bins = [one.value.shape[1] for one in rows]
        if bins[0] == bins[1]:
            self.missing.append(f'{self.entry}.names=({rows[0].port.name!r}, {rows[1].port.name!r}) or the other way '
                                'round (SimCC of x comes first)')
            return rows
        return rows[::-1] if self._is_turned(*bins) else rows

    def _is_turned(self, bins_x: int, bins_y: int) -> bool:
        return (bins_x < bins_y) != (self.size[0] < self.size[1]) and bins_x != bins_y and self.size[0] != self.size[1]

    def _values_of_rows(self, *rows: ProbedOutput) -> str:
        are_probabilities = all(is_distribution(one.value) for one in rows)
        if self.declared.values == 'probabilities' and not are_probabilities:
            raise DistilPoseError(f"{self.entry}.values is 'probabilities', and {' and '.join(map(str, rows))} have "
                                  "rows that are negative or do not sum to 1; set it to 'logits'")
        return self.declared.values or ('probabilities' if are_probabilities else 'logits')

    def _coordinates(self) -> OutputReading | None:
        if self.declared.names:
            if len(self.candidates) > 2:
                raise self._several(self.candidates, 'coordinates, or coordinates and scores')
            points, scores = self.candidates[0], self.candidates[1:]
        else:
            all_points = [one for one in self.candidates if self._are_points(one.value)]
            rows = [one for one in all_points if one.value.dim() > 1]
            all_points = rows or all_points  # beside rows of coordinates, a row of numbers is that of their scores
            if len(all_points) != 1:
                if all_points and self.declared.kind:
                    raise self._several(all_points, 'one of them, the coordinates')
                return None
            points, scores = all_points[0], []
        flat = points.value.dim() == 1
        columns = self._columns(points, flat=flat)
        count, rest = divmod(points.value.numel(), len(columns))
        if rest or self.keypoints not in (None, count):
            of = '' if self.keypoints is None else f' of {self.keypoints} keypoints'
            raise DistilPoseError(f'{points} is no list of {len(columns)} numbers ({", ".join(columns)}){of}; set '
                                  f'{self.entry}.columns to what its last axis holds')
        if not self.declared.names and 'score' not in columns:
            scores = [one for one in self.candidates if one is not points and one.value.numel() == count
                      and one.value.dim() <= 2]
            if len(scores) > 1:
                raise self._several([points, *scores], 'coordinates and scores')
        elif scores and scores[0].value.numel() != count:
            raise DistilPoseError(f'{scores[0]} are not the scores of {count} keypoints; check {self.entry}.names')
        if self.declared.unit is None:
            self.missing.append(f"{self.entry}.unit={' or '.join(map(repr, UNITS))} of the crop")
        return OutputReading('coordinates', tuple(one.port for one in (points, *scores)), count, self.size,
                             values=self.declared.values, unit=self.declared.unit or UNITS[0], columns=columns)

    def _are_points(self, value: Tensor) -> bool:
        columns = self.declared.columns
        if value.dim() == 1:
            count = value.numel()
            if self.keypoints is not None:
                return count % self.keypoints == 0 and 2 <= count // self.keypoints <= MOST_COLUMNS
            return count >= _FEWEST_NUMBERS and (columns is None or count % len(columns) == 0)
        return (value.dim() == 2 and 2 <= value.shape[1] <= MOST_COLUMNS and self.keypoints in (None, value.shape[0])
                and (columns is None or len(columns) == value.shape[1]))

    def _columns(self, points: ProbedOutput, *, flat: bool) -> tuple[str, ...]:
        if self.declared.columns is not None:
            return self.declared.columns
        if flat and self.keypoints is None:
            self.missing.append(f"{self.entry}.columns=('x', 'y', ...), what the numbers of a keypoint are in "
                                f"{points}: some of x, y, z, score and '-'")
            return ('x',) if points.value.numel() % 2 else ('x', 'y')
        count = points.value.numel() // (self.keypoints or points.value.shape[0])
        if count == 2 or (count == 3 and not flat):
            return ('x', 'y', 'score')[:count]
        self.missing.append(f"{self.entry}.columns=('x', 'y', ...), what the {count} numbers of a keypoint are in "
                            f"{points}: some of x, y, z, score and '-'")
        return ('x', 'y', *'-' * (count - 2))

    def _several(self, found: Sequence[ProbedOutput], expected: str) -> DistilPoseError:
        return DistilPoseError(f'the outputs {", ".join(map(str, found))} fit, and expected is {expected}; name those '
                               f'to take, in this order, with {self.entry}.names=(...)')
