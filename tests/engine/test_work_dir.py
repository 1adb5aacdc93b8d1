"""Work directories: refused before anything is done, cleaned, and never overwritten without a word."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from distilpose.engine import train, work_dir
from distilpose.engine.runner import report_disk_errors_once
from distilpose.engine.work_dir import check_writable, disk_errors_as_sentences, prepare_work_dir
from distilpose.errors import DistilPoseError, RunFailed

MakeConfig = Callable[..., Path]


def failing(number: int) -> Callable[..., NoReturn]:
    def fail(*args: Any, **kwargs: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize('below', ['', 'deeper/still'])
def test_a_file_in_the_way_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / 'run').write_text('')
    with pytest.raises(DistilPoseError, match=rf'cannot be made: {tmp_path}/run is a file.*name another --work-dir'):
        check_writable(tmp_path / 'run' / below, name='--work-dir')


@pytest.mark.parametrize(('number', 'words'), [(errno.ENOSPC, r'No space left.*make room, or name another folder'),
                                               (errno.EROFS, r'Read-only file system.*; name another folder'),
                                               (errno.EACCES, r'Permission denied.*; name another folder')])
def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int,
                                                       words: str) -> None:
    monkeypatch.setattr(work_dir.tempfile, 'TemporaryFile', failing(number))
    with pytest.raises(DistilPoseError, match=rf'^{tmp_path} cannot be written: {words} with --out$') as caught:
        check_writable(tmp_path, name='--out')
    assert caught.value.exit_code == 2


def test_leftovers_are_removed_and_earlier_checkpoints_named(tmp_path: Path) -> None:
    for name in (f'.epoch_3.pth.{os.getpid()}.part', 'epoch_1.pth', 'epoch_2.pth', 'best_AP_epoch_1.pth'):
        (tmp_path / name).touch()
    removed, earlier = prepare_work_dir(tmp_path, out_dir=None, is_resumed=False)
    assert removed.startswith(f'Removed what a killed run left unfinished: {tmp_path}/.epoch_3.pth')
    assert 'holds checkpoints of an earlier training (2, the newest is epoch_2.pth)' in earlier
    assert 'add --resume' in earlier
    assert prepare_work_dir(tmp_path, out_dir=None, is_resumed=True) == []
    assert len(list(tmp_path.iterdir())) == 3


def test_a_full_disk_while_something_else_is_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=rf'^{tmp_path} cannot be written: No space left on device') as caught, \
            disk_errors_as_sentences(tmp_path):
        failing(errno.ENOSPC)()
    assert caught.value.exit_code == 1
    with pytest.raises(FileNotFoundError), disk_errors_as_sentences(tmp_path):
        failing(errno.ENOENT)()


def test_a_log_file_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.FileHandler(tmp_path / 'run.log', 'w')
    report_disk_errors_once(handler)
    logger = logging.Logger('test')
    logger.addHandler(handler)
    logger.warning('first')
    with monkeypatch.context() as full:
        full.setattr(handler, 'flush', failing(errno.ENOSPC))
        for number in range(3):
            logger.warning('lost %s', number)
    logger.warning('last')
    handler.close()
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and f'{tmp_path}/run.log cannot be written: No space left on device' in error
    lines = (tmp_path / 'run.log').read_text().splitlines()
    assert lines[0] == 'first' and lines[-1] == 'last'


def test_a_training_without_resume_says_what_it_overwrites(make_config: MakeConfig, tmp_path: Path) -> None:
    run = tmp_path / 'run'
    for _ in range(2):
        train(make_config(epochs=1), work_dir=run, validate=False)
    logs = sorted(run.glob('*/*.log'))
    assert any('holds checkpoints of an earlier training (1' in log.read_text() for log in logs)
