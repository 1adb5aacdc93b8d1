"""Slots are whole or empty, whatever happens."""

from __future__ import annotations

import os
import pickle
import signal
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.structures import PoseDataSample

from distilpose.distillation.teacher_cache import MarkedPreparation, SlotStore
from distilpose.distillation.teacher_cache import store as store_module
from distilpose.distillation.teacher_cache.store import read_slots
from distilpose.errors import DistilPoseError
from tests.devices import on_device

VALUES = 600
CROPS = np.array([11, 2**32 - 1, 0, 7])
ALL = np.arange(4)


def opened(folder: Path, *, slots: int = 8, **options: Any) -> SlotStore:
    return SlotStore(folder, **{**dict(slots=slots, values=VALUES, dtype='float16', salt=5), **options})


def records(count: int = 4) -> torch.Tensor:
    return torch.randn(count, VALUES, generator=torch.Generator().manual_seed(0)).half()


def test_a_new_store_is_empty_and_takes_no_room(tmp_path: Path) -> None:
    store = opened(tmp_path, slots=100_000)
    assert store.filled == 0 and not store.find(np.array([0, 99_999]), CROPS[:2]).any()
    assert (tmp_path / 'records.bin').stat().st_size == 100_000 * VALUES * 2
    assert (tmp_path / 'records.bin').stat().st_blocks == 0


@pytest.mark.parametrize('dtype', ['float16', 'float32'])
def test_what_is_written_is_read_to_the_bit(tmp_path: Path, dtype: str) -> None:
    store, written = opened(tmp_path, dtype=dtype), records().to(store_module.DTYPES[dtype])
    slots = np.array([6, 0, 3, 1])
    store.write(slots, CROPS, written)
    for reader in (store, opened(tmp_path, dtype=dtype)):
        assert reader.find(slots, CROPS).all() and reader.filled == 4
        assert torch.equal(reader.read(torch.as_tensor(slots), slice(0, VALUES)), written)
        assert torch.equal(reader.read(torch.tensor([3, 3]), slice(5, 9)), written[[2, 2], 5:9])


def test_another_reader_sees_what_is_written_meanwhile(tmp_path: Path) -> None:
    writer, reader = opened(tmp_path), opened(tmp_path)
    assert not reader.find(ALL, CROPS).any()
    writer.write(ALL[:2], CROPS[:2], records(2))
    assert reader.find(ALL, CROPS).tolist() == [True, True, False, False]


def test_more_slots_leave_the_first_ones_as_they_are(tmp_path: Path) -> None:
    opened(tmp_path).write(ALL, CROPS, records())
    assert opened(tmp_path, slots=20).find(np.append(ALL, 19), np.append(CROPS, 1)).tolist() == [True] * 4 + [False]
    assert opened(tmp_path, slots=3).find(ALL[:3], CROPS[:3]).all()


def test_another_crop_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).write(ALL, CROPS, records())
    with pytest.raises(DistilPoseError, match='another crop in slot 1'):
        opened(tmp_path).find(ALL, CROPS - [0, 1, 0, 0])


def test_records_of_other_facts_are_none(tmp_path: Path) -> None:
    opened(tmp_path).write(ALL, CROPS, records())
    assert not opened(tmp_path, salt=6).find(ALL, CROPS).any()


def test_a_damaged_record_is_an_empty_slot_until_it_is_written_again(tmp_path: Path) -> None:
    opened(tmp_path).write(ALL, CROPS, records())
    with open(tmp_path / 'records.bin', 'r+b') as file:
        file.seek(2 * VALUES * 2 + 100)
        file.write(b'\x01\x02\x03')
    store = opened(tmp_path)
    assert store.find(ALL, CROPS).tolist() == [True, True, False, True]
    store.write(ALL[2:3], CROPS[2:3], records()[2:3])
    assert store.find(ALL, CROPS).all()


@pytest.mark.slow
@pytest.mark.parametrize('calls', range(1, 7))
def test_a_killed_process_leaves_whole_slots_or_empty_ones(tmp_path: Path, calls: int) -> None:
    """The process ends itself at one of the writes of three slots, of which there are two a slot."""
    write = store_module.write_slot
    done: list[int] = []

    def write_half_and_die(file: FileIO, offset: int, data: bytes) -> None:
        done.append(offset)
        if len(done) == calls:
            write(file, offset, data[:len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(file, offset, data)

    if (child := os.fork()) == 0:
        try:
            store_module.write_slot = write_half_and_die
            opened(tmp_path).write(ALL[:3], CROPS[[0, 1, 3]], records(3))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    store, whole = opened(tmp_path), (calls - 1) // 2
    assert store.find(ALL[:3], CROPS[[0, 1, 3]]).tolist() == [True] * whole + [False] * (3 - whole)
    assert torch.equal(store.read(torch.arange(whole), slice(0, VALUES)), records(3)[:whole])


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='no file that is always full')
@pytest.mark.parametrize('file', ['_record_file', '_mark_file'])
def test_a_full_disk_is_a_sentence(tmp_path: Path, file: str) -> None:
    store = opened(tmp_path)
    setattr(store, file, FileIO('/dev/full', 'r+'))
    with pytest.raises(DistilPoseError, match='No space left on device; make room'):
        store.write(ALL, CROPS, records())
    assert not opened(tmp_path).find(ALL, CROPS).any()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / 'records.bin').mkdir()
    with pytest.raises(DistilPoseError, match='cannot be written: Is a directory'):
        opened(tmp_path)


@pytest.mark.parametrize('name', ['records.bin', 'marks.bin'])
def test_a_link_in_the_folder_is_not_written_to(name: str, tmp_path: Path) -> None:
    """The folder may come from elsewhere, and the link lead to a file of the user's."""
    mine = tmp_path / 'mine.txt'
    mine.write_text('mine')
    (tmp_path / 'cache').mkdir()
    (tmp_path / 'cache' / name).symlink_to(mine)
    with pytest.raises(DistilPoseError, match=f'{name} is no file of a teacher cache but a link'):
        opened(tmp_path / 'cache')
    assert mine.read_text() == 'mine'


def prepare(index: int) -> dict | None:
    if index == 2:
        return None
    image = np.random.default_rng(index).integers(0, 255, (3, 8, 6), dtype=np.uint8)
    return dict(inputs=torch.as_tensor(image), data_samples=PoseDataSample(metainfo=dict(id=index)))


def test_a_slot_is_a_variant_of_a_sample() -> None:
    variant = torch.zeros((), dtype=torch.int64)
    marked = MarkedPreparation(prepare, variant=variant, length=10)
    first = [marked(index) for index in (3, 0)]
    variant.fill_(2)
    samples = [sample['data_samples'] for sample in [*first, marked(3)]]
    slots, crops = read_slots(samples)
    assert slots.tolist() == [3, 0, 23]
    assert crops[0] == crops[2] != crops[1]
    assert [sample.metainfo['id'] for sample in samples] == [3, 0, 3]


@on_device
def test_a_sample_that_failed_stays_none() -> None:
    assert MarkedPreparation(prepare, variant=torch.zeros(()), length=10)(2) is None


def test_a_crop_in_another_memory_layout_is_the_same() -> None:
    def transposed(index: int) -> dict:
        sample = prepare(index)
        return dict(sample, inputs=sample['inputs'].permute(1, 2, 0).contiguous().permute(2, 0, 1))

    marks = [MarkedPreparation(way, variant=torch.zeros(()), length=10)(1) for way in (prepare, transposed)]
    one, other = (read_slots([pickle.loads(pickle.dumps(sample['data_samples']))]) for sample in marks)
    assert one == other


def test_every_teacher_has_a_checksum_of_its_own_crop() -> None:
    changed: list[str] = []

    def prepare(index: int) -> dict[str, Any]:
        sample = PoseDataSample()
        for name in ('body', 'hands'):
            sample.set_field(torch.full((3, 4, 4), 1 + (name in changed), dtype=torch.uint8), f'teacher_image_{name}')
        return dict(inputs=torch.ones(3, 4, 4, dtype=torch.uint8), data_samples=sample)

    marked = MarkedPreparation(prepare, variant=torch.zeros(()), length=10, teachers=('body', 'hands'))
    before = marked(1)['data_samples']
    changed.append('hands')
    after = marked(1)['data_samples']
    is_equal = [read_slots([before], name)[1] == read_slots([after], name)[1] for name in ('body', 'hands')]
    assert is_equal == [True, False]
