"""Store of a teacher cache: records of one length on disk, in slots that several processes fill and read."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from distilpose.errors import DistilPoseError, RunFailed
from distilpose.slot_files import open_slots, write_slot
from distilpose.structures import ONLY_TEACHER, teacher_fields

_KEY = 'teacher_slot'
DTYPES = dict(float16=torch.float16, float32=torch.float32)


class SlotStore:
    """Slots on disk that hold one record each, or are empty.

    Two files in a folder: the records, and for every slot a mark of 8 bytes, 0 for an empty one, else the checksums of
    the crop and of both. The mark is written last, so a slot whose writing was interrupted counts as empty.
    Files have their full length at once; empty slots take no disk space (sparse files). Reading is memory-mapped.
    Writing is not, since a full disk would kill the process without a message.

    Args:
        folder: exists.
        slots: number of slots of this run; smaller files grow.
        values: numbers in a record.
        dtype: ``'float16'`` or ``'float32'``.
        salt: checksum of what all records depend on; records that were written with another count as empty.
    """

    def __init__(self, folder: Path, *, slots: int, values: int, dtype: str, salt: int) -> None:
        self.folder, self.salt = folder, salt
        self.dtype = DTYPES[dtype]
        self.record_bytes = values * self.dtype.itemsize
        paths = folder / 'records.bin', folder / 'marks.bin'
        try:
            self._record_file, self._mark_file = (
                open_slots(path, slots * size, kind='teacher cache')
                for path, size in zip(paths, (self.record_bytes, 8), strict=True))
        except OSError as error:
            raise DistilPoseError(self._unwritable(error)) from error
        records = torch.from_file(str(paths[0]), shared=True, size=slots * values, dtype=self.dtype)
        self.records = records.view(slots, values)
        self._marks = np.asarray(np.memmap(paths[1], np.dtype('<u8'), 'r', shape=(slots,)))
        self._is_whole = torch.zeros(slots, dtype=torch.bool).share_memory_().numpy()

    @property
    def filled(self) -> int:
        """How many of the slots have a mark."""
        return int(np.count_nonzero(self._marks))

    def filled_of(self, slots: np.ndarray) -> int:
        """How many of these slots have a mark."""
        return int(np.count_nonzero(self._marks[slots]))

    def find(self, slots: np.ndarray, crops: np.ndarray) -> np.ndarray:
        """Which slots (B,) hold the record of their crop: booleans (B,).

        Args:
            slots: int64.
            crops: (B,) checksums, -1 for a crop that was not cut and is not compared.

        Raises:
            DistilPoseError: one holds the whole record of another crop.
        """
        marks = self._marks[slots]
        for row in np.flatnonzero((marks != 0) & ~self._is_whole[slots]):
            self._is_whole[slots[row]] = marks[row] == self._mark(int(marks[row]) >> 32, self._bytes(slots[row]))
        is_whole = (marks != 0) & self._is_whole[slots]
        stale = np.flatnonzero(is_whole & (crops >= 0) & ((marks >> np.uint64(32)) != crops.astype(np.uint64)))
        if len(stale):
            raise DistilPoseError(f'the teacher cache {self.folder} has the outputs for another crop in slot '
                                  f'{slots[stale[0]]}: the images, or what decodes and crops them, changed since it '
                                  'was filled; delete it, or name another folder')
        return is_whole

    def read(self, slots: Tensor, columns: slice, *, pinned: bool = False) -> Tensor:
        """Numbers (B, n) of the records of slots (B,), as they are stored.

        Args:
            slots: int64.
            columns: which numbers of a record.
            pinned: in pinned memory, for an asynchronous copy to a GPU.
        """
        part = self.records[:, columns]
        out = torch.empty(len(slots), part.shape[1], dtype=self.dtype, pin_memory=pinned)
        return torch.index_select(part, 0, slots, out=out)

    def write(self, slots: np.ndarray, crops: np.ndarray, records: Tensor) -> None:
        """Fills slots.

        Args:
            slots: (b,).
            crops: (b,) checksums.
            records: (b, values) on the CPU, as they are stored.

        Raises:
            RunFailed: the disk is full or broken.
        """
        try:
            for slot, crop, record in zip(slots.tolist(), crops.tolist(), records.numpy(), strict=True):
                data = record.tobytes()
                write_slot(self._record_file, slot * self.record_bytes, data)
                write_slot(self._mark_file, slot * 8, self._mark(crop, data).to_bytes(8, 'little'))
        except OSError as error:
            raise RunFailed(self._unwritable(error)) from error

    def close(self) -> None:
        """Ends writing; what was read stays."""
        self._record_file.close()
        self._mark_file.close()

    def _bytes(self, slot: int) -> bytes:
        return self.records[slot].numpy().tobytes()

    def _mark(self, crop: int, record: bytes) -> int:
        return (crop << 32 | zlib.crc32(record, self.salt ^ crop)) or 1

    def __deepcopy__(self, memo: dict) -> SlotStore:
        """A copy of a data set reads the same store."""
        return self

    def __reduce__(self) -> tuple:  # for worker processes that are not forked
        dtype = str(self.dtype).removeprefix('torch.')
        values = self.record_bytes // self.dtype.itemsize
        return partial(SlotStore, slots=len(self._marks), values=values, dtype=dtype, salt=self.salt), (self.folder,)

    def _unwritable(self, error: OSError) -> str:
        return (f'the teacher cache {self.folder} cannot be written: {error.strerror or error}; make room or take '
                'fewer variants and go on with --resume, or name another folder')


class MarkedPreparation:
    """A data set's ``prepare_data`` that adds to every sample its slot in the caches and the checksums of its crops.

    All are in the data sample's meta information. There is a checksum for every teacher, of the student's crop and of
    the teacher's own where it has one. It changes when an image, a box, a flip or a step of the
    pipeline changes.

    Args:
        prepare: from an index to a packed sample.
        variant: a scalar tensor, seen by worker processes, with the number of the augmentation.
        length: of the data set.
        teachers: names of those with a cache.
    """

    def __init__(self, prepare: Callable[[int], Any], *, variant: Tensor, length: int,
                 teachers: Sequence[str] = (ONLY_TEACHER,)) -> None:
        self.prepare = prepare
        self.variant = variant
        self.length = length
        self.teachers = tuple(teachers)

    def __call__(self, idx: int) -> Any:
        """Prepares the sample of this index; ``None`` stays ``None``, for which a data set takes another sample."""
        sample = self.prepare(idx)
        if sample is not None:
            data, student = sample['data_samples'], zlib.crc32(sample['inputs'].contiguous().numpy())
            crops = {name: _checksum(data, name, start=student) for name in self.teachers}
            data.set_metainfo({_KEY: (int(self.variant) * self.length + int(idx), crops)})
        return sample


def _checksum(sample: Any, teacher: str, *, start: int) -> int:
    """Of the student's crop, from its own, and of the teacher's own where it has one."""
    for field in teacher_fields(teacher):
        if field in sample:
            value: Any = np.ascontiguousarray(sample.get(field))
            start = zlib.crc32(value, start)
    return start


def read_slots(data_samples: Sequence[Any], teacher: str = ONLY_TEACHER) -> tuple[np.ndarray, np.ndarray]:
    """Slots (B,) of a batch and checksums (B,) of its crops for a teacher, int64."""
    marks = [sample.metainfo[_KEY] for sample in data_samples]
    return (np.array([slot for slot, _ in marks], np.int64),
            np.array([crops[teacher] for _, crops in marks], np.int64))
