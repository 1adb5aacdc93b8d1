"""A teacher that is asked once for every crop."""

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
from distilpose.structures import PoseOutputs

from .layout import RecordLayout
from .slots import read_slots
from .store import SlotStore

CHECK_EVERY = 1000
"""Batches between two questions to the teacher whose answers are known."""


@dataclass
class Cost:
    """Seconds of a kind of work, and the images that it was for."""

    seconds: float = 0.0
    images: int = 0

    def add(self, seconds: float, images: int) -> None:
        """Counts some more."""
        self.seconds += seconds
        self.images += images

    @property
    def milliseconds_each(self) -> float:
        """Of an image; 0 where there were none."""
        return 1e3 * self.seconds / max(self.images, 1)


class TeacherCache:
    """Answers for the teacher from disk, and asks it where the disk does not know.

    What the teacher says is written first and read then, so that the terms see the same numbers whether a slot was
    empty or not. Now and then the teacher is asked what is known, and must not contradict.

    Args:
        ask: images (B, 3, H, W) as the student takes them, and their data samples -> the teacher's outputs.
        store: of the records.
        layout: of the records.
        fields: those that are read.
        tolerance: largest relative L2 distance of a tensor from what the teacher says of the same crop.
    """

    def __init__(self, ask: Callable[[Tensor, Sequence[Any]], PoseOutputs], *, store: SlotStore, layout: RecordLayout,
                 fields: Sequence[str], tolerance: float) -> None:
        self.ask, self.store, self.layout, self.fields = ask, store, layout, tuple(fields)
        self.tolerance = tolerance
        self.asking, self.writing, self.reading = Cost(), Cost(), Cost()
        self.batches_computed = self.images_computed = 0
        self._batches_until_check = 0

    def outputs(self, images: Tensor, data_samples: Sequence[Any]) -> PoseOutputs:
        """What the teacher says of a batch, in float32, as it is stored.

        Args:
            images: (B, 3, H, W), as the student takes them.
            data_samples: marked by :class:`~distilpose.distillation.teacher_cache.slots.MarkedPreparation`.

        Raises:
            DistilPoseError: the cache contradicts the teacher, or cannot be written.
        """
        slots, crops = read_slots(data_samples)
        is_known = self.store.find(slots, crops)
        if is_known.any():
            self._check_sometimes(images, data_samples, slots, np.flatnonzero(is_known))
        if not is_known.all():
            self._fill(images, data_samples, slots, crops, np.flatnonzero(~is_known))
        start = time.perf_counter()
        answer = self._read(torch.from_numpy(slots), images.device)
        self.reading.add(time.perf_counter() - start, len(slots))
        return answer

    def _read(self, slots: Tensor, device: torch.device) -> PoseOutputs:
        pinned = device.type == 'cuda'
        return self.layout.unpack(
            lambda columns: self.store.read(slots, columns, pinned=pinned).to(device, non_blocking=True).float(),
            self.fields)

    def _fill(self, images: Tensor, data_samples: Sequence[Any], slots: np.ndarray, crops: np.ndarray,
              rows: np.ndarray) -> None:
        """Asks for the whole batch: an answer's last digits may depend on it, and a resumed run has the same batch."""
        if images.is_cuda:  # or the teacher's time is also that of what was queued before it
            torch.cuda.synchronize(images.device)
        start = time.perf_counter()
        records = self._rounded(self.layout.pack(self.ask(images, data_samples)))
        asked = time.perf_counter()
        self.store.write(slots[rows], crops[rows], records[torch.from_numpy(rows)])
        if self.batches_computed:  # the first one warms up
            self.asking.add(asked - start, len(images))
            self.writing.add(time.perf_counter() - asked, len(rows))
        self.batches_computed += 1
        self.images_computed += len(rows)

    def _rounded(self, values: Tensor) -> Tensor:
        records = values.to(self.store.dtype)
        if not torch.isfinite(records).all():
            self._refuse(values, records)
        return records.cpu()

    def _refuse(self, values: Tensor, records: Tensor) -> None:
        part = next(part for part in self.layout.parts if not torch.isfinite(records[:, part.columns]).all())
        largest = float(values[:, part.columns].abs().max())
        if not math.isfinite(largest):
            raise DistilPoseError(f"the teacher's {part.field} are not all numbers but infinite or undefined for some "
                                  'image; nothing can be learnt from them')
        raise DistilPoseError(f"the teacher's {part.field} have values up to {largest:g}, which a cache of "
                              f"{str(self.store.dtype).removeprefix('torch.')} does not hold; give it "
                              "dtype='float32', or train without it")

    def _check_sometimes(self, images: Tensor, data_samples: Sequence[Any], slots: np.ndarray,
                         rows: np.ndarray) -> None:
        self._batches_until_check -= 1
        if self._batches_until_check >= 0:
            return
        self._batches_until_check = CHECK_EVERY - 1
        said = self.layout.pack(self.ask(images, data_samples))[torch.from_numpy(rows).to(images.device)].cpu()
        known = self.store.records[torch.from_numpy(slots[rows])].float()
        for part in self.layout.parts:
            expected, found = said[:, part.columns], known[:, part.columns]
            distances = (found - expected).norm(dim=1) / expected.norm(dim=1).clamp(min=1e-6)
            worst = int(distances.argmax())
            if not distances[worst] <= self.tolerance:
                raise DistilPoseError(
                    f'the teacher cache {self.store.folder} contradicts the teacher: its {part.field} in slot '
                    f'{slots[rows[worst]]} are {float(distances[worst]):.2g} away (relative L2 distance; '
                    f'{self.tolerance:g} may be rounding); delete it, or name another folder')

    def __deepcopy__(self, memo: dict) -> TeacherCache:
        """A copy of the distiller reads the same cache."""
        return self
