"""A teacher's outputs as rows of numbers."""

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
_MOST_VALUES = 1 << 28


@dataclass(frozen=True)
class Part:
    """One tensor of a record."""

    field: str
    """Of :class:`~distilpose.structures.PoseOutputs`."""
    shape: tuple[int, ...]
    """Of one sample."""
    start: int
    """Its first column."""
    maps: int = 1
    """How many heatmaps or feature maps the teacher shows, of which the last is kept."""

    @property
    def columns(self) -> slice:
        """Where it is in a record."""
        return slice(self.start, self.start + math.prod(self.shape))


@dataclass(frozen=True)
class RecordLayout:
    """What a record holds: of every field that is read its tensors, of several maps the last one."""

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, outputs: PoseOutputs, fields: Iterable[str]) -> RecordLayout:
        """The layout for outputs of this kind.

        Args:
            outputs: of any batch.
            fields: names of those to keep.
        """
        parts: list[Part] = []
        for field in (name for name in PoseOutputs._fields if name in set(fields)):
            shown = getattr(outputs, field)
            for value in _kept(outputs, field):
                start = parts[-1].columns.stop if parts else 0
                parts.append(Part(field, tuple(value.shape[1:]), start, len(shown) if field in _LAST_COUNTS else 1))
        return cls(tuple(parts))

    @property
    def values(self) -> int:
        """Numbers in a record."""
        return self.parts[-1].columns.stop

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that it holds."""
        return tuple(dict.fromkeys(part.field for part in self.parts))

    def pack(self, outputs: PoseOutputs) -> Tensor:
        """Records (B, values) of outputs, in their precision."""
        return torch.cat([value.flatten(1) for field in self.fields for value in _kept(outputs, field)], dim=1)

    def unpack(self, read: Callable[[slice], Tensor], fields: Iterable[str]) -> PoseOutputs:
        """Outputs with some of the fields.

        Args:
            read: columns -> these numbers (B, n) of the records of a batch.
            fields: names of those that are wanted.
        """
        values: dict[str, Any] = {}
        for part in self.parts:
            if part.field in set(fields):
                tensor = read(part.columns).unflatten(1, part.shape)
                values.setdefault(part.field, []).append(tensor)
        for field in values:
            if field in _LAST_COUNTS:
                several = next(part.maps for part in self.parts if part.field == field) > 1
                values[field] = OnlyLast(values[field]) if several else tuple(values[field])
            else:
                values[field] = tuple(values[field]) if field == 'simcc' else values[field][0]
        return PoseOutputs(**values)

    def to_json(self) -> list[dict]:
        """Plain data."""
        return [dict(asdict(part), shape=list(part.shape)) for part in self.parts]

    @classmethod
    def from_json(cls, data: list[dict]) -> RecordLayout:
        """From what :meth:`to_json` gave.

        Raises:
            ValueError: it is something else; says what.
        """
        parts, end = [], 0
        for entry in data:
            if not isinstance(entry, dict) or entry.keys() != Part.__dataclass_fields__.keys():
                raise ValueError(f'a part of its layout has not the entries {", ".join(Part.__dataclass_fields__)}')
            numbers = (entry['start'], entry['maps'], *entry['shape'])
            if any(type(number) is not int for number in numbers) or min(*numbers[1:], 1) < 1 or numbers[0] != end:
                raise ValueError('a part of its layout has no lengths of a tensor, or does not follow the one before')
            if entry['field'] not in PoseOutputs._fields:
                raise ValueError(f'{str(entry["field"])[:40]!r} in its layout is none of '
                                 f'{", ".join(PoseOutputs._fields)}')
            parts.append(Part(entry['field'], tuple(entry['shape']), end, entry['maps']))
            end = parts[-1].columns.stop
            if end > _MOST_VALUES:
                raise ValueError(f'its layout has {end:,} values for a sample, and at most {_MOST_VALUES:,} are read')
        if not parts:
            raise ValueError('its layout is empty')
        return cls(tuple(parts))


class OnlyLast(tuple):
    """Maps of which the last is there; asking for others is an error instead of a wrong answer."""

    def __getitem__(self, index: Any) -> Any:
        if index != -1:
            self._refuse()
        return super().__getitem__(-1)

    def __iter__(self) -> Iterator[Any]:
        return self._refuse()

    def _refuse(self) -> Any:
        raise DistilPoseError("a term reads more than the last of the teacher's maps, and a teacher cache keeps no "
                              'others; train this term without a cache')


def _kept(outputs: PoseOutputs, field: str) -> tuple[Tensor, ...]:
    value = getattr(outputs, field)
    if isinstance(value, tuple):
        return (value[-1],) if field in _LAST_COUNTS else value
    return (value,)
