"""Which checkpoint of a work directory a training goes on from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.engine.resuming.checkpoint_search import newest_whole_checkpoint
from distilpose.errors import DistilPoseError


def write(folder: Path, epoch: int, *, name: str | None = None, minute: int | None = None, **changed: Any) -> Path:
    """A checkpoint of a training; ``minute`` is the time in it."""
    folder.mkdir(exist_ok=True)
    file = folder / (name or f'epoch_{epoch}.pth')
    minute = epoch if minute is None else minute
    content = dict(meta=dict(epoch=epoch, iter=10 * epoch, time=f'20240101_00{minute:02}00'), message_hub={},
                   optimizer={}, state_dict=dict(weight=torch.full((1000, ), float(epoch))))
    content.update(changed)
    torch.save({key: value for key, value in content.items() if value is not None}, file)
    return file


def name_last(folder: Path, file: Path | str) -> None:
    (folder / 'last_checkpoint').write_text(str(file))


def flip_a_bit_of_a_weight(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[data.index(b'\x00\x00\x80\x3f' * 100) if b'\x00\x00\x80\x3f' * 100 in data else len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    """Three epochs, of which the last is named."""
    folder = tmp_path / 'run'
    for epoch in (1, 2, 10):
        write(folder, epoch)
    name_last(folder, folder / 'epoch_10.pth')
    return folder


def test_the_last_one_is_taken_without_a_word(work_dir: Path) -> None:
    assert newest_whole_checkpoint(work_dir) == (work_dir / 'epoch_10.pth', [])


@pytest.mark.parametrize('damage', ['cut', 'flipped', 'empty', 'zeros'])
def test_a_damaged_one_is_skipped_with_the_reason(work_dir: Path, damage: str) -> None:
    file = work_dir / 'epoch_10.pth'
    size = file.stat().st_size
    if damage == 'flipped':
        flip_a_bit_of_a_weight(file)
    else:
        file.write_bytes(dict(cut=file.read_bytes()[:size // 2], empty=b'', zeros=bytes(size))[damage])
    found, notes = newest_whole_checkpoint(work_dir)
    assert found == work_dir / 'epoch_2.pth'
    assert len(notes) == 1 and notes[0].startswith(f'Skipped {file} (')
    assert ("its record 'epoch_10/data/" in notes[0]) == (damage == 'flipped')


@pytest.mark.parametrize('named', [None, 'epoch_11.pth', ''])
def test_without_a_last_checkpoint_the_newest_is_taken(work_dir: Path, named: str | None) -> None:
    (work_dir / 'last_checkpoint').unlink()
    if named is not None:
        name_last(work_dir, named)
    found, notes = newest_whole_checkpoint(work_dir)
    assert found == work_dir / 'epoch_10.pth'
    assert len(notes) == (named is not None)


def test_the_newest_is_the_one_written_last_and_not_the_highest_epoch(work_dir: Path) -> None:
    """After a training was started anew, or resumed from an earlier epoch, in the same directory."""
    (work_dir / 'last_checkpoint').unlink()
    write(work_dir, 2, minute=30)
    assert newest_whole_checkpoint(work_dir)[0] == work_dir / 'epoch_2.pth'


def test_a_checkpoint_within_an_epoch_is_later_than_that_of_the_epoch_before(work_dir: Path) -> None:
    (work_dir / 'last_checkpoint').unlink()
    meta = dict(epoch=10, iter=105, time='20240101_001000')
    write(work_dir, 9, name='iter_95.pth')
    assert newest_whole_checkpoint(work_dir)[0] == work_dir / 'epoch_10.pth'
    inside = write(work_dir, 10, name='iter_105.pth', meta=meta)  # in the same second as the one of the epoch
    assert newest_whole_checkpoint(work_dir)[0] == inside


def test_best_published_and_hidden_files_are_not_taken(work_dir: Path) -> None:
    (work_dir / 'last_checkpoint').unlink()
    write(work_dir, 20, name='best_AP_epoch_20.pth')
    write(work_dir, 20, name='epoch_20-1a2b3c4d.pth', optimizer=None)
    write(work_dir, 20, name='.epoch_20.pth.7.part')
    (work_dir / 'epoch_30.pth').mkdir()
    assert newest_whole_checkpoint(work_dir) == (work_dir / 'epoch_10.pth', [])


def test_a_directory_may_have_moved(work_dir: Path, tmp_path: Path) -> None:
    moved = work_dir.rename(tmp_path / 'moved')
    assert newest_whole_checkpoint(moved) == (moved / 'epoch_10.pth', [])


def test_one_written_after_the_named_one_is_taken(work_dir: Path) -> None:
    """A run was killed between the two."""
    os.utime(work_dir / 'last_checkpoint', (0, 0))
    newer = write(work_dir, 11)
    assert newest_whole_checkpoint(work_dir) == (newer, [])
    name_last(work_dir, work_dir / 'epoch_2.pth')  # by hand, to go back
    os.utime(newer, (0, 0))
    os.utime(work_dir / 'epoch_10.pth', (0, 0))
    assert newest_whole_checkpoint(work_dir) == (work_dir / 'epoch_2.pth', [])


def test_nothing_to_resume_from(tmp_path: Path) -> None:
    assert newest_whole_checkpoint(tmp_path / 'missing') == (None, [])
    torch.save(dict(weight=torch.zeros(2)), tmp_path / 'weights.pth')
    assert newest_whole_checkpoint(tmp_path) == (None, [])


def test_only_damaged_ones_are_an_error(work_dir: Path) -> None:
    for file in work_dir.glob('*.pth'):
        file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DistilPoseError, match=r'no whole checkpoint.*epoch_10.*epoch_2.*epoch_1\b'):
        newest_whole_checkpoint(work_dir)


def test_checkpoints_may_lie_elsewhere(work_dir: Path, tmp_path: Path) -> None:
    other = tmp_path / 'other'
    other.mkdir()
    assert newest_whole_checkpoint(other, out_dir=work_dir) == (work_dir / 'epoch_10.pth', [])
