"""Which place in a cache a sample has."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from distilpose.structures import TEACHER_FIELDS

_KEY = 'teacher_slot'


class MarkedPreparation:
    """A data set's ``prepare_data`` that tells every sample its slot and the checksum of its crop.

    Both travel in the data sample's meta information. Equal crops have equal checksums, so that a cache notices when
    an image, a box, a flip or a step of the pipeline is not what it was.

    Args:
        prepare: index -> packed sample.
        variant: a scalar tensor, seen by worker processes, with the number of the augmentation.
        length: of the data set.
    """

    def __init__(self, prepare: Callable[[int], Any], *, variant: Tensor, length: int) -> None:
        self.prepare = prepare
        self.variant = variant
        self.length = length

    def __call__(self, idx: int) -> Any:
        """Prepares the sample of this index; ``None`` stays ``None``, for which a data set takes another sample."""
        sample = self.prepare(idx)
        if sample is not None:
            crop = zlib.crc32(sample['inputs'].contiguous().numpy())
            for name in TEACHER_FIELDS:  # the teacher's own crop, where it has one
                if name in sample['data_samples']:
                    value: Any = np.ascontiguousarray(sample['data_samples'].get(name))
                    crop = zlib.crc32(value, crop)
            sample['data_samples'].set_metainfo({_KEY: (int(self.variant) * self.length + int(idx), crop)})
        return sample


def read_slots(data_samples: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Slots (B,) and checksums (B,) of the crops of a batch, int64."""
    slots, crops = zip(*(sample.metainfo[_KEY] for sample in data_samples), strict=True)
    return np.array(slots, np.int64), np.array(crops, np.int64)
