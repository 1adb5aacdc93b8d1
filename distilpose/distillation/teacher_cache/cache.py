"""Teacher cache: teacher outputs are computed once for every crop and read from disk afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.structures import ONLY_TEACHER, PoseOutputs

from .layout import RecordLayout
from .store import SlotStore, read_slots

CHECK_EVERY = 1000
"""Batches between two comparisons of cached outputs with the teacher."""


@dataclass
class Cost:
    """Seconds of an operation, and the number of images."""

    seconds: float = 0.0
    images: int = 0

    def add(self, seconds: float, images: int) -> None:
        """Adds to both."""
        self.seconds += seconds
        self.images += images

    @property
    def milliseconds_each(self) -> float:
        """Milliseconds per image; 0 without images."""
        return 1e3 * self.seconds / max(self.images, 1)


class TeacherCache:
    """Returns teacher outputs from disk, and runs the teacher for crops that are not there yet.

    New outputs are written first and then read, so that the terms get the same numbers whether a slot was empty or
    not. Every :data:`CHECK_EVERY` batches cached outputs are compared with the teacher's.

    Args:
        run_teacher: from images (B, 3, H, W), the student's input, and their data samples to the teacher's outputs.
        store: of the records.
        layout: of the records.
        fields: those that are read.
        tolerance: largest relative L2 distance of a cached tensor from the teacher's for the same crop.
        name: of the teacher, whose crops the samples are marked with.
    """

    def __init__(self, run_teacher: Callable[[Tensor, Sequence[Any]], PoseOutputs], *, store: SlotStore,
                 layout: RecordLayout, fields: Sequence[str], tolerance: float,
                 name: str = ONLY_TEACHER) -> None:
        self.run_teacher, self.store, self.layout, self.fields = run_teacher, store, layout, tuple(fields)
        self.tolerance, self.name = tolerance, name
        self.forward_cost, self.write_cost, self.read_cost = Cost(), Cost(), Cost()
        self.batches_computed = self.images_computed = 0
        self._batches_until_check = 0

    def outputs(self, images: Tensor, data_samples: Sequence[Any]) -> PoseOutputs:
        """The teacher's outputs for a batch, in float32 with the precision of the store.

        Args:
            images: (B, 3, H, W), the student's input.
            data_samples: marked by :class:`~distilpose.distillation.teacher_cache.store.MarkedPreparation`.

        Raises:
            DistilPoseError: the cache contradicts the teacher, or cannot be written.
        """
        slots, crops = read_slots(data_samples, self.name)
        is_cached = self.store.find(slots, crops)
        if is_cached.any():
            self._check_sometimes(images, data_samples, slots, np.flatnonzero(is_cached))
        if not is_cached.all():
            self._fill(images, data_samples, slots, crops, np.flatnonzero(~is_cached))
        start = time.perf_counter()
        outputs = self._read(torch.from_numpy(slots), images.device)
        self.read_cost.add(time.perf_counter() - start, len(slots))
        return outputs

    def _read(self, slots: Tensor, device: torch.device) -> PoseOutputs:
        return self.layout.unpack(lambda columns: self._read_columns(slots, columns, device), self.fields)

    def _read_columns(self, slots: Tensor, columns: slice, device: torch.device) -> Tensor:
        found = self.store.read(slots, columns, pinned=device.type == 'cuda')
        return found.to(device, non_blocking=True).float()

    def _fill(self, images: Tensor, data_samples: Sequence[Any], slots: np.ndarray, crops: np.ndarray,
              rows: np.ndarray) -> None:
        """Runs the teacher on the whole batch, on which last digits may depend: a resumed run has the same batch."""
        if images.is_cuda:  # or the teacher's time is also that of what was queued before it
            torch.cuda.synchronize(images.device)
        start = time.perf_counter()
        records = self._rounded(self.layout.pack(self.run_teacher(images, data_samples)))
        computed = time.perf_counter()
        self.store.write(slots[rows], crops[rows], records[torch.from_numpy(rows)])
        if self.batches_computed:  # the first one warms up
            self.forward_cost.add(computed - start, len(images))
            self.write_cost.add(time.perf_counter() - computed, len(rows))
        self.batches_computed += 1
        self.images_computed += len(rows)

    def _rounded(self, values: Tensor) -> Tensor:
        records = values.to(self.store.dtype)
        if not torch.isfinite(records).all():
            self._refuse(values, records)
        return records.cpu()

    def _refuse(self, values: Tensor, records: Tensor) -> None:
        entry = next(entry for entry in self.layout.entries if not torch.isfinite(records[:, entry.columns]).all())
        largest = float(values[:, entry.columns].abs().max())
        if not math.isfinite(largest):
            raise DistilPoseError(f"the teacher's {entry.field} are not all numbers but infinite or undefined for some "
                                  'image; a student cannot be trained on them')
        raise DistilPoseError(f"the teacher's {entry.field} have values up to {largest:g}, which a cache of "
                              f"{str(self.store.dtype).removeprefix('torch.')} does not hold; give it "
                              "dtype='float32', or train without it")

    def _check_sometimes(self, images: Tensor, data_samples: Sequence[Any], slots: np.ndarray,
                         rows: np.ndarray) -> None:
        self._batches_until_check -= 1
        if self._batches_until_check >= 0:
            return
        self._batches_until_check = CHECK_EVERY - 1
        computed = self.layout.pack(self.run_teacher(images, data_samples))[torch.from_numpy(rows).to(images.device)]
        computed, cached = computed.cpu(), self.store.records[torch.from_numpy(slots[rows])].float()
        for entry in self.layout.entries:
            expected, found = computed[:, entry.columns], cached[:, entry.columns]
            distances = (found - expected).norm(dim=1) / expected.norm(dim=1).clamp(min=1e-6)
            worst = int(distances.argmax())
            if not distances[worst] <= self.tolerance:
                raise DistilPoseError(
                    f'the teacher cache {self.store.folder} contradicts the teacher: its {entry.field} in slot '
                    f'{slots[rows[worst]]} are {float(distances[worst]):.2g} away (relative L2 distance; '
                    f'{self.tolerance:g} may be rounding); delete it, or name another folder')

    def __deepcopy__(self, memo: dict) -> TeacherCache:
        """A copy of the distiller reads the same cache."""
        return self
