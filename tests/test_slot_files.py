"""Files of caches: their length, which several processes that begin at once agree on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from distilpose import slot_files
from distilpose.slot_files import open_slots


def test_a_file_is_not_cut_to_the_length_of_a_run_with_less_slots(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    lock = slot_files.locked_file

    @contextmanager
    def after_another(file: Any) -> Iterator[None]:
        (tmp_path / 'slots.bin').write_bytes(bytes(800))  # of a process that had the lock first
        with lock(file):
            yield

    monkeypatch.setattr(slot_files, 'locked_file', after_another)
    open_slots(tmp_path / 'slots.bin', 400, kind='cache').close()
    assert (tmp_path / 'slots.bin').stat().st_size == 800
