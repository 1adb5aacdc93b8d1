"""The lock of a work directory."""

from __future__ import annotations

import dataclasses
import errno
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distilpose.engine import train, work_dir_lock
from distilpose.engine.work_dir_lock import FILE, SECONDS_SINCE_BOOT, SECONDS_WITHOUT_SIGN, Owner, is_running, locked
from distilpose.errors import DistilPoseError


def leave(folder: Path, *, age: float = 0.0, **values: object) -> Path:
    """Writes a lock of this process with other values, whose last sign is that old."""
    folder.mkdir(exist_ok=True)
    file = folder / FILE
    file.write_text(json.dumps(dataclasses.asdict(dataclasses.replace(Owner.current(), **values))))
    os.utime(file, (time.time() - age, ) * 2)
    return file


def ended_process() -> int:
    """The number of a process that has ended."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_the_second_is_told_who_where_and_since_when(tmp_path: Path) -> None:
    with locked(tmp_path / 'run'):
        owner = Owner.current()
        with pytest.raises(DistilPoseError, match='in use by another training') as error, locked(tmp_path / 'run'):
            pass
        words = str(error.value)
        assert f'{tmp_path}/run' in words and f'process {os.getpid()} of {owner.user} on {owner.host}' in words
        assert f'since {owner.since[:10]}' in words and Path(sys.argv[0]).name in words
        assert error.value.exit_code == 2
    with locked(tmp_path / 'run'):
        assert os.listdir(tmp_path / 'run') == [FILE]


def test_a_folder_that_stays_empty_is_removed(tmp_path: Path) -> None:
    with locked(tmp_path / 'a' / 'b'):
        pass
    assert not (tmp_path / 'a').exists()
    with locked(tmp_path / 'a' / 'b'):
        (tmp_path / 'a' / 'log').touch()
    assert os.listdir(tmp_path / 'a') == ['log']


def test_other_processes_of_a_training_do_nothing(tmp_path: Path) -> None:
    with locked(tmp_path / 'run'), locked(tmp_path / 'run', by_this_process=False):
        pass


@pytest.mark.parametrize('values', [dict(pid=ended_process()), dict(start='1')], ids=['ended', 'number used again'])
def test_what_a_killed_process_left_behind_is_replaced(values: dict[str, object], tmp_path: Path) -> None:
    leave(tmp_path, **values)
    with locked(tmp_path):
        assert json.loads((tmp_path / FILE).read_text())['pid'] == os.getpid()
        assert os.listdir(tmp_path) == [FILE]
    assert os.listdir(tmp_path) == []


def test_after_a_reboot_a_lock_counts_for_a_moment(tmp_path: Path) -> None:
    file = leave(tmp_path, kernel='other', age=SECONDS_SINCE_BOOT - 20)
    with pytest.raises(DistilPoseError, match=f'after {SECONDS_SINCE_BOOT:.0f} s without one'), locked(tmp_path):
        pass
    os.utime(file, (time.time() - SECONDS_SINCE_BOOT - 20, ) * 2)
    with locked(tmp_path):
        pass


@pytest.mark.parametrize('values', [dict(kernel='other', host='elsewhere'), None], ids=['machine', 'unreadable'])
def test_a_lock_of_another_machine_counts_while_it_gives_signs(values: dict[str, object] | None,
                                                               tmp_path: Path) -> None:
    file = leave(tmp_path, age=SECONDS_WITHOUT_SIGN - 20, **(values or {}))
    if values is None:
        stat = file.stat()
        file.write_text('{')
        os.utime(file, (stat.st_mtime, ) * 2)
    with pytest.raises(DistilPoseError, match=f'28. s old.*delete {tmp_path}/{FILE}') as error, locked(tmp_path):
        pass
    assert ('elsewhere' if values else 'does not name it') in str(error.value)
    os.utime(file, (time.time() - SECONDS_WITHOUT_SIGN - 20, ) * 2)
    with locked(tmp_path):
        pass


def test_in_another_container_of_this_machine_the_kernel_knows(tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_dir_lock, '_namespace', lambda: 'pid:[1]')
    with locked(tmp_path):
        monkeypatch.setattr(work_dir_lock, '_namespace', lambda: 'pid:[2]')
        os.utime(tmp_path / FILE, (0, 0))
        with pytest.raises(DistilPoseError, match='in use'), locked(tmp_path):
            pass
    leave(tmp_path, namespace='pid:[1]')
    with locked(tmp_path):
        pass


def test_the_lock_is_touched_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_dir_lock, 'SECONDS_BETWEEN_SIGNS', 0.01)
    with locked(tmp_path):
        os.utime(tmp_path / FILE, (0, 0))
        end = time.monotonic() + 10
        while (tmp_path / FILE).stat().st_mtime == 0:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_lock_that_was_replaced_is_not_removed(tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / FILE).unlink()
        leave(tmp_path)
    assert (tmp_path / FILE).exists()


def test_where_there_are_no_links_the_file_is_made_exclusively(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, 'no links')

    monkeypatch.setattr(os, 'link', refuse)
    with locked(tmp_path), pytest.raises(DistilPoseError, match='in use'), locked(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(DistilPoseError, match=r'run cannot be made: .*file is a file.*name another --work-dir'), \
            locked(tmp_path / 'file' / 'run'):
        pass


def contend(folder: Path, barrier: Any, winners: Any) -> None:
    """Tries to lock twenty folders at the moment when others do, and gives each back when all have tried."""
    for number in range(20):
        barrier.wait(120)
        try:
            with locked(folder / str(number)):
                winners.put(number)
                barrier.wait(120)
        except DistilPoseError:
            barrier.wait(120)


@pytest.mark.parametrize('is_left_behind', [False, True])
def test_of_those_that_start_at_once_one_gets_it(is_left_behind: bool, tmp_path: Path) -> None:
    """Twenty times, three processes."""
    if is_left_behind:
        pid = ended_process()
        for number in range(20):
            leave(tmp_path / str(number), pid=pid)
    context = multiprocessing.get_context('fork')
    barrier, winners = context.Barrier(3), context.SimpleQueue()
    processes = [context.Process(target=contend, args=(tmp_path, barrier, winners), daemon=True) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
        assert process.exitcode == 0
    found = []
    while not winners.empty():
        found.append(winners.get())
    assert sorted(found) == list(range(20))


def test_threads_that_find_an_abandoned_lock(tmp_path: Path) -> None:
    """The rename of a slower one gives the lock of the faster one back."""
    text = leave(tmp_path, start='1').read_text()
    assert work_dir_lock._remove_abandoned(tmp_path / FILE, text)
    other = leave(tmp_path).read_text()
    read = work_dir_lock._read
    answers = iter([text])  # what it was when it was read first
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work_dir_lock, '_read', lambda file: next(answers, None) or read(file))
        assert not work_dir_lock._remove_abandoned(tmp_path / FILE, text)
    assert (tmp_path / FILE).read_text() == other and os.listdir(tmp_path) == [FILE]


def test_processes() -> None:
    assert is_running(os.getpid(), Owner.current().start)
    assert not is_running(os.getpid(), '1') or sys.platform != 'linux'
    assert not is_running(ended_process(), '')


def test_a_training_holds_the_lock_of_its_folder(make_config: Callable[..., Path], tmp_path: Path) -> None:
    with locked(tmp_path / 'run'), pytest.raises(DistilPoseError, match='in use by another training'):
        train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False)
    runner = train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False)
    assert not (Path(runner.work_dir) / FILE).exists() and 'lock' not in {t.name for t in threading.enumerate()}
