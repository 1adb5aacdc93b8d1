"""Record layout of a teacher cache: which teacher outputs are stored, as columns of one row per crop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

_LAST_COUNTS = ('heatmaps', 'features')
LAYERS = 'layers.'
"""What the names of layers begin with."""
_MOST_VALUES = 1 << 28


def field_names(outputs: PoseOutputs, fields: Iterable[str]) -> tuple[str, ...]:
    """The names of fields, where that of the layers is replaced by one for each layer: ``'layers.backbone.layer3'``."""
    layers = sorted(outputs.layers or ())
    return tuple(name for field in fields
                 for name in ((f'{LAYERS}{layer}' for layer in layers) if field == 'layers' else (field,)))


@dataclass(frozen=True)
class LayoutEntry:
    """One tensor of a record."""

    field: str
    """Of :class:`~distilpose.structures.PoseOutputs`; that of a layer is ``'layers.'`` and its name."""
    shape: tuple[int, ...]
    """Of one sample."""
    start: int
    """Its first column."""
    maps: int = 1
    """Number of heatmaps or feature maps of the teacher, of which the last is kept."""

    @property
    def columns(self) -> slice:
        """Its columns in a record."""
        return slice(self.start, self.start + math.prod(self.shape))


@dataclass(frozen=True)
class RecordLayout:
    """The tensors in a record: those of every field that is read, of several maps the last one."""

    entries: tuple[LayoutEntry, ...]

    @classmethod
    def of(cls, outputs: PoseOutputs, fields: Iterable[str]) -> RecordLayout:
        """The layout for outputs with these fields and shapes.

        Args:
            outputs: of any batch.
            fields: names of those to keep, as of :func:`field_names`.
        """
        entries: list[LayoutEntry] = []
        for field in (name for name in field_names(outputs, PoseOutputs._fields) if name in set(fields)):
            maps = len(getattr(outputs, field)) if field in _LAST_COUNTS else 1
            for value in _kept(outputs, field):
                start = entries[-1].columns.stop if entries else 0
                entries.append(LayoutEntry(field, tuple(value.shape[1:]), start, maps))
        return cls(tuple(entries))

    @property
    def values(self) -> int:
        """Numbers in a record."""
        return self.entries[-1].columns.stop

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that it holds."""
        return tuple(dict.fromkeys(entry.field for entry in self.entries))

    def pack(self, outputs: PoseOutputs) -> Tensor:
        """Records (B, values) of outputs, in their precision."""
        return torch.cat([value.flatten(1) for field in self.fields for value in _kept(outputs, field)], dim=1)

    def unpack(self, read: Callable[[slice], Tensor], fields: Iterable[str]) -> PoseOutputs:
        """Outputs with some of the fields.

        Args:
            read: from columns to their numbers (B, n) in the records of a batch.
            fields: names of the fields to return.
        """
        values: dict[str, Any] = {}
        for entry in self.entries:
            if entry.field in set(fields):
                tensor = read(entry.columns).unflatten(1, entry.shape)
                values.setdefault(entry.field, []).append(tensor)
        layers: dict[str, Tensor] = {}
        for field in values:
            if field.startswith(LAYERS):
                layers[field.removeprefix(LAYERS)] = values[field][0]
            elif field in _LAST_COUNTS:
                several = next(entry.maps for entry in self.entries if entry.field == field) > 1
                values[field] = OnlyLast(values[field]) if several else tuple(values[field])
            else:
                values[field] = tuple(values[field]) if field == 'simcc' else values[field][0]
        found = {field: value for field, value in values.items() if not field.startswith(LAYERS)}
        return PoseOutputs(**found, layers=layers or None)

    def to_json(self) -> list[dict]:
        """Plain data."""
        return [dict(asdict(entry), shape=list(entry.shape)) for entry in self.entries]

    @classmethod
    def from_json(cls, data: list[dict]) -> RecordLayout:
        """The layout that :meth:`to_json` wrote.

        Raises:
            ValueError: the data are not such a layout.
        """
        entries, end = [], 0
        for entry in data:
            if not isinstance(entry, dict) or entry.keys() != LayoutEntry.__dataclass_fields__.keys():
                keys = ', '.join(LayoutEntry.__dataclass_fields__)
                raise ValueError(f'an entry of its layout has not the keys {keys}')
            numbers = (entry['start'], entry['maps'], *entry['shape'])
            if any(type(number) is not int for number in numbers) or min(*numbers[1:], 1) < 1 or numbers[0] != end:
                raise ValueError('an entry of its layout has no shape of a tensor, or does not follow the one before')
            if entry['field'] not in PoseOutputs._fields and not str(entry['field']).startswith(LAYERS):
                raise ValueError(f'{str(entry["field"])[:40]!r} in its layout is none of '
                                 f'{", ".join(PoseOutputs._fields)}')
            entries.append(LayoutEntry(entry['field'], tuple(entry['shape']), end, entry['maps']))
            end = entries[-1].columns.stop
            if end > _MOST_VALUES:
                raise ValueError(f'its layout has {end:,} values for a sample, and at most {_MOST_VALUES:,} are read')
        if not entries:
            raise ValueError('its layout is empty')
        return cls(tuple(entries))


class OnlyLast(tuple):
    """Maps of which only the last is stored; reading another one is an error."""

    def __getitem__(self, index: Any) -> Any:
        if index != -1:
            self._refuse()
        return super().__getitem__(-1)

    def __iter__(self) -> Iterator[Any]:
        return self._refuse()

    def _refuse(self) -> Any:
        raise DistilPoseError("a term reads more than the last of the teacher's maps, and a teacher cache keeps no "
                              'others; train this term without a cache')


def with_last_maps(outputs: PoseOutputs, change: Callable[[PoseOutputs], PoseOutputs]) -> PoseOutputs:
    """What a function makes of outputs, where it reads all of several maps of which only the last is stored."""
    if not isinstance(outputs.heatmaps, OnlyLast):
        return change(outputs)
    found = change(outputs._replace(heatmaps=(outputs.heatmaps[-1],)))
    return found._replace(heatmaps=OnlyLast(found.heatmaps or ()))


def _kept(outputs: PoseOutputs, field: str) -> tuple[Tensor, ...]:
    if field.startswith(LAYERS):
        return ((outputs.layers or {})[field.removeprefix(LAYERS)],)
    value = getattr(outputs, field)
    if isinstance(value, tuple):
        return (value[-1],) if field in _LAST_COUNTS else value
    return (value,)
