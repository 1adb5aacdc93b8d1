"""People of a teacher cache: slots that several trainings add at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distilpose.distillation.teacher_cache import people
from distilpose.distillation.teacher_cache.people import NAME, agree_on_people
from distilpose.errors import DistilPoseError


def test_people_keep_their_slots_and_new_ones_get_further_ones(tmp_path: Path) -> None:
    assert agree_on_people(tmp_path, [5, 7, 5]) == {5: 0, 7: 1}
    assert agree_on_people(tmp_path, [9, 7]) == {5: 0, 7: 1, 9: 2}


def test_people_that_another_training_adds_meanwhile_are_added_once(tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    lock = people.locked_file
    others = [[7, 9]]

    def late(file: Any) -> Any:
        if others:
            (tmp_path / NAME).write_bytes(np.array(others.pop(), '<i8').tobytes())
        return lock(file)

    monkeypatch.setattr(people, 'locked_file', late)
    assert agree_on_people(tmp_path, [5, 7]) == {7: 0, 9: 1, 5: 2}


def test_a_full_disk_leaves_no_part_of_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agree_on_people(tmp_path, [5])

    def write(file: Any, offset: int, data: bytes) -> None:
        file.write(data[:3])
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(people, 'write_slot', write)
        with pytest.raises(DistilPoseError, match='cannot be written: No space left on device; make room'):
            agree_on_people(tmp_path, [5, 7])
    assert agree_on_people(tmp_path, [7]) == {5: 0, 7: 1}
