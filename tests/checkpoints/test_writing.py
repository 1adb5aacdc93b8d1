"""Files are old or new, and whole, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from mmengine.runner import save_checkpoint

from distilpose.checkpoints import BadCheckpoint, load_file, writing
from distilpose.checkpoints.integrity import damage_of
from distilpose.checkpoints.writing import disk_error, remove_leftovers, replacing, save_atomically, write_atomically
from distilpose.errors import RunFailed

LIMITED = """
import resource, signal, sys, torch
from pathlib import Path
from distilpose.checkpoints import save_atomically
from distilpose.errors import RunFailed
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    save_atomically(dict(state_dict=dict(weight=torch.zeros(100_000))), Path(sys.argv[1]))
except RunFailed as error:
    sys.exit(str(error))
"""


def refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_file_takes_its_name_after_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    for name in ('fsync', 'replace'):
        original = getattr(os, name)
        monkeypatch.setattr(writing.os, name, lambda *args, _name=name, _original=original: (
            events.append(_name), _original(*args))[1])
    write_atomically(tmp_path / 'a.txt', 'new')
    assert events == (['fsync', 'replace', 'fsync'] if os.name != 'nt' else ['fsync', 'replace'])
    assert names(tmp_path) == ['a.txt']


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / 'a.txt'
    file.write_text('old')
    with pytest.raises(ZeroDivisionError), replacing(file) as part:
        part.write_text(f'half {1 / 0}' if part.write_text('half') else '')
    assert file.read_text() == 'old' and names(tmp_path) == ['a.txt']


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / 'epoch_1.pth'
    file.write_text('old')
    monkeypatch.setattr(writing.os, 'fsync', refuse)
    with pytest.raises(RunFailed, match=r'epoch_1\.pth cannot be written: No space left on device \(.* MB free there, '
                                        r'about 4\.0 MB needed\); make room') as caught:
        save_atomically(dict(state_dict=dict(weight=torch.zeros(1_000_000)), meta=dict(note='x')), file)
    assert caught.value.exit_code == 1
    assert file.read_text() == 'old' and names(tmp_path) == ['epoch_1.pth']


@pytest.mark.slow
def test_torch_hides_the_error_of_the_disk(tmp_path: Path) -> None:
    """In a process of its own, whose files may not grow beyond 100 kB."""
    result = subprocess.run([sys.executable, '-c', LIMITED, str(tmp_path / 'epoch_1.pth')], capture_output=True,
                            text=True, timeout=300)
    assert result.returncode == 1 and 'epoch_1.pth cannot be written: File too large' in result.stderr
    assert names(tmp_path) == []


def test_the_cause_is_found_below_other_errors() -> None:
    try:
        try:
            refuse()
        except OSError:
            raise RuntimeError('unexpected pos 64 vs 0')  # noqa: B904 (as torch does)
    except RuntimeError as error:
        cause = disk_error(error)
    assert cause is not None and cause.errno == errno.ENOSPC
    assert disk_error(FileNotFoundError(errno.ENOENT, '')) is None
    assert disk_error(PermissionError(errno.EACCES, '')) is not None
    assert disk_error(PermissionError(errno.EACCES, ''), is_writing=False) is None


def test_leftovers_of_dead_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(process: int, number: int) -> None:
        if process == 7777:
            raise ProcessLookupError

    monkeypatch.setattr(writing.os, 'kill', kill)
    kept = [f'.a.pth.{os.getppid()}.part', 'epoch_1.pth', '.a.part', 'a.7.part']
    for name in (*kept, '.epoch_2.pth.7777.part', f'.all.pkl.{os.getpid()}.part.pkl'):
        (tmp_path / name).touch()
    removed = remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted(kept) and len(removed) == 2
    assert remove_leftovers(tmp_path / 'missing') == []


def test_mmengine_saves_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / 'folder' / 'epoch_1.pth'
    save_checkpoint(dict(meta={}, state_dict=dict(weight=torch.ones(2))), str(file))
    assert load_file(file)['state_dict']['weight'].tolist() == [1, 1]
    monkeypatch.setattr(writing.os, 'fsync', refuse)
    with pytest.raises(RunFailed):
        save_checkpoint(dict(meta={}, state_dict={}), str(file))
    assert load_file(file)['state_dict'] and names(file.parent) == ['epoch_1.pth']


def test_a_flipped_bit_is_found_and_its_record_named(tmp_path: Path) -> None:
    file = tmp_path / 'model.pth'
    torch.save(dict(state_dict=dict(weight=torch.ones(1000))), file)
    assert damage_of(file) is None
    data = bytearray(file.read_bytes())
    data[data.index(torch.ones(50).numpy().tobytes())] ^= 1
    file.write_bytes(data)
    with pytest.raises(BadCheckpoint, match=r"model\.pth \(.* bytes\) is damaged: its record 'model/data/0'"):
        load_file(file)


def test_files_without_checksums_are_read(tmp_path: Path) -> None:
    content = dict(state_dict=dict(weight=torch.ones(2)))
    torch.save(content, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(content, tmp_path / 'off.pth')
    finally:
        torch.serialization.set_crc32_options(True)
    for name in ('old.pth', 'off.pth'):
        assert load_file(tmp_path / name)['state_dict']['weight'].tolist() == [1, 1]
