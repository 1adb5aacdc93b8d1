"""Cache of the outputs of a teacher with an unaugmented view: one forward pass for every person."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from distilpose.structures import PoseOutputs

from .cache import TeacherCache
from .people import read_people


class PersonCache(TeacherCache):
    """Returns teacher outputs for the unaugmented crops of people, and runs the teacher for people that are missing.

    For those only, since crops of people whose outputs are there need not be cut. Outputs for people that the cache
    does not know, as of an image in the place of a broken one, are computed each time.

    Args:
        run_teacher: as in :class:`TeacherCache`, but for outputs relative to the teacher's own crops.
        table: key of a person -> slot.
        **options: as in :class:`TeacherCache`.
    """

    def __init__(self, run_teacher: Callable[[Tensor, Sequence[Any]], PoseOutputs], *, table: Mapping[int, int],
                 **options: Any) -> None:
        super().__init__(run_teacher, **options)
        self.table = table

    def filled_of(self, people: Iterable[int]) -> int:
        """How many of the people of these keys have outputs in the cache, which may have those of others, too."""
        return self.store.filled_of(np.array([self.table[key] for key in set(people)], np.int64))

    def outputs(self, images: Tensor, data_samples: Sequence[Any]) -> PoseOutputs:
        """As :meth:`TeacherCache.outputs`, relative to the teacher's own crops."""
        slots, crops = read_people(data_samples, self.name, self.table)
        is_known = slots >= 0
        is_cached = is_known.copy()
        is_cached[is_known] = self.store.find(slots[is_known], crops[is_known])
        compared, missing = np.flatnonzero(is_cached & (crops >= 0)), np.flatnonzero(is_known & ~is_cached)
        if len(compared):
            self._check_sometimes(images, _of(data_samples, compared), slots[compared], np.arange(len(compared)))
        if len(missing):
            self._fill(images[:len(missing)], _of(data_samples, missing), slots[missing], crops[missing],
                       np.arange(len(missing)))
        others = np.flatnonzero(~is_known)
        computed = None if not len(others) else self._compute(images, _of(data_samples, others))
        start = time.perf_counter()
        places, rows = torch.from_numpy(slots.clip(min=0)), torch.from_numpy(others).to(images.device)

        def read(columns: slice) -> Tensor:
            found = self._read_columns(places, columns, images.device)
            return found if computed is None else found.index_copy(0, rows, computed[:, columns])

        outputs = self.layout.unpack(read, self.fields)
        self.read_cost.add(time.perf_counter() - start, len(slots))
        return outputs

    def _compute(self, images: Tensor, data_samples: Sequence[Any]) -> Tensor:
        """Records (n, values), with the precision of the store."""
        self.images_computed += len(data_samples)
        records = self._rounded(self.layout.pack(self.run_teacher(images, data_samples)))
        return records.to(images.device).float()


def _of(data_samples: Sequence[Any], rows: np.ndarray) -> list[Any]:
    return [data_samples[row] for row in rows]
