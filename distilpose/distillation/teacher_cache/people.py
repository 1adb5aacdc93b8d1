"""People of a teacher cache: which slot is whose, for outputs that depend on the person alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import barrier, is_main_process

from distilpose.errors import DistilPoseError
from distilpose.slot_files import locked_file, write_slot
from distilpose.structures import teacher_fields

from .store import SlotStore

NAME = 'people.bin'


def agree_on_people(folder: Path, keys: Sequence[int]) -> dict[int, int]:
    """Adds the people of a training to those of a cache.

    Several trainings may do so at once, with other people or with the same.

    Args:
        folder: of the cache.
        keys: of the people, see :func:`~distilpose.datasets.person_keys.person_key`.

    Returns:
        Key of every person in the cache -> its slot.

    Raises:
        DistilPoseError: the file cannot be read or written.
    """
    file = folder / NAME
    if is_main_process():
        _append(file, keys)
    barrier()
    _append(file, keys)  # of a process on another machine, with a disk of its own
    return _read(file)


class FilledPeople:
    """Whether a cache has the teacher's outputs for the person of a key; for what prepares samples.

    Args:
        store: of the records.
        table: key of a person -> slot.
    """

    def __init__(self, store: SlotStore, table: Mapping[int, int]) -> None:
        self.store, self.table = store, table

    def __call__(self, key: int) -> bool:
        """Whether it has."""
        slot = self.table.get(key)
        return slot is not None and bool(self.store.find(np.array([slot]), np.array([-1]))[0])

    def __deepcopy__(self, memo: dict) -> FilledPeople:
        """A copy of a data set reads the same cache."""
        return self


def read_people(data_samples: Sequence[Any], teacher: str, table: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Slots (B,) of a batch, -1 for people that are not in the table, and checksums (B,) of their crops, -1 for those
    that were not cut; int64."""
    field = teacher_fields(teacher).person
    marks = [sample.get(field) for sample in data_samples]
    people = [(-1, -1) if mark is None else mark.tolist() for mark in marks]
    return (np.array([table.get(key, -1) for key, _ in people], np.int64),
            np.array([crop for _, crop in people], np.int64))


def _read(file: Path) -> dict[int, int]:
    data = file.read_bytes() if file.exists() else b''
    if len(data) % 8:
        raise DistilPoseError(f'{file} cannot be read as the people of a teacher cache (it has {len(data)} bytes, no '
                              f'multiple of 8); delete {file.parent}, or name another folder')
    found: dict[int, int] = {}
    for slot, key in enumerate(np.frombuffer(data, '<i8').tolist()):
        found.setdefault(key, slot)
    return found


def _append(file: Path, keys: Sequence[int]) -> None:
    known = _read(file)
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if not new:
        return
    if file.is_symlink():
        raise DistilPoseError(f'{file} is no file of a teacher cache but a link; name a folder whose files are its own')
    try:
        with open(file, 'ab', buffering=0) as table, locked_file(table):
            known = _read(file)  # others may have added some
            size = table.seek(0, os.SEEK_END)
            try:
                write_slot(table, size, np.array([key for key in new if key not in known], '<i8').tobytes())
            except OSError:
                table.truncate(size)  # a part of a key would be read as another one
                raise
    except OSError as error:
        raise DistilPoseError(f'the teacher cache {file.parent} cannot be written: {error.strerror or error}; make '
                              'room, or name another folder') from error
