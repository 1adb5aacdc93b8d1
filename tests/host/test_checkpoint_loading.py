"""Checkpoints that mmengine loads: local files and downloads."""

from __future__ import annotations

import argparse
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.runner import checkpoint as mmengines
from mmengine.runner.checkpoint import CheckpointLoader
from torch.utils import model_zoo

from distilpose.checkpoints import BadCheckpoint, UntrustedCheckpoint, flatten, load_file
from distilpose.host import checkpoint_loading, downloads
from tests.host.python import run


def test_downloads_are_read_safely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def download(url: str, target: str, progress: bool) -> None:
        calls.append(url)
        torch.save(dict(state_dict=dict(a=torch.ones(1)), extra=contents), target)

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(downloads, 'download', download)
    contents: object = 1
    for _ in range(2):
        loaded = CheckpointLoader.load_checkpoint('https://example.org/plain-20200101.pth', map_location='cpu')
        assert loaded['state_dict']['a'] == 1
    assert calls == ['https://example.org/plain-20200101.pth']
    contents = argparse.Namespace()
    with pytest.raises(UntrustedCheckpoint, match='argparse.Namespace'):
        CheckpointLoader.load_checkpoint('https://example.org/evil.pth', map_location='cpu')


def outcome(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What a function gives, or the error that it raises."""
    try:
        return function(*args, **options)
    except Exception as error:
        return error


LOCAL: dict[str, Callable[[Path], Any]] = dict(
    missing=lambda folder: str(folder / 'nothing.pth'), folder=str, in_home=lambda _: '~/nothing.pth',
    path=lambda folder: folder / 'nothing.pth', empty=lambda _: '')


@pytest.mark.parametrize('name', LOCAL)
def test_what_is_no_file_is_refused_as_by_mmengine(name: str, tmp_path: Path) -> None:
    file = LOCAL[name](tmp_path)
    found, expected = (outcome(function, file, 'cpu')
                       for function in (mmengines.load_from_local, mmengines.load_from_local.__wrapped__))
    assert isinstance(expected, FileNotFoundError) and isinstance(found, FileNotFoundError)
    assert str(found) == str(expected)


@pytest.mark.parametrize('map_location', [None, 'cpu', 'meta', torch.device('cpu'), {'cpu': 'meta'},
                                          lambda storage, _: storage])
def test_tensors_are_put_where_mmengine_puts_them(map_location: Any, tmp_path: Path) -> None:
    torch.save(dict(state_dict=dict(a=torch.ones(2))), tmp_path / 'a.pth')
    found, expected = (function(str(tmp_path / 'a.pth'), map_location)['state_dict']['a']
                       for function in (mmengines.load_from_local, mmengines.load_from_local.__wrapped__))
    assert found.device == expected.device


def test_the_refusal_is_one_of_torchs_too(tmp_path: Path) -> None:
    torch.save(dict(a=argparse.Namespace()), tmp_path / 'a.pth')
    for function in (mmengines.load_from_local, mmengines.load_from_local.__wrapped__):
        with pytest.raises(pickle.UnpicklingError, match='argparse.Namespace'):
            function(str(tmp_path / 'a.pth'), 'cpu')


def downloading(content: bytes, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces torch's download and ours by one that writes these bytes; returns a list of what is downloaded."""
    urls: list[str] = []

    def download(url: str, target: str, hash_prefix: str | None = None, progress: bool = True) -> None:
        urls.append(url)
        Path(target).write_bytes(content)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    monkeypatch.setattr(downloads, 'download', download)
    return urls


def saved(folder: Path, **options: Any) -> bytes:
    file = folder / 'weights.pth'
    torch.save(dict(state_dict=dict(a=torch.arange(3.0)), meta=dict(epoch=1)), file, **options)
    return file.read_bytes()


@pytest.mark.filterwarnings('ignore::FutureWarning', 'ignore::UserWarning')
@pytest.mark.parametrize('kind', ['zip', 'legacy', 'legacy in a zip', 'legacy in a zip of its name'])
@pytest.mark.parametrize('url', ['https://example.org/a/weights.pth', 'http://example.org/weights.pth?x=a/b#c/d'])
def test_downloads_are_those_of_torch(kind: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(tmp_path, _use_new_zipfile_serialization=kind == 'zip')
    if 'in a zip' in kind:
        with zipfile.ZipFile(tmp_path / 'packed.zip', 'w') as archive:
            archive.writestr('weights.pth' if 'its name' in kind else 'inner.pth', content)
        content = (tmp_path / 'packed.zip').read_bytes()
    urls = downloading(content, monkeypatch)
    for _ in range(2):
        found = mmengines.load_from_http(url, map_location='cpu', model_dir=str(tmp_path / 'ours' / 'new'))
    assert urls == [url]
    assert found['state_dict']['a'].tolist() == [0, 1, 2] and found['meta'] == dict(epoch=1)
    names = {file.name for file in (tmp_path / 'ours' / 'new').iterdir()}
    assert names == {'weights.pth', *(['weights.pth.unzipped'] if 'in a zip' in kind else [])}
    if 'its name' not in kind:  # where torch writes over the archive that it reads
        expected = model_zoo.load_url(url, model_dir=str(tmp_path / 'torch' / 'new'), map_location='cpu')
        assert found['state_dict']['a'].equal(expected['state_dict']['a']) and found['meta'] == expected['meta']


ALLOWED = """
import sys, torch, numpy as np
from numpy._core import multiarray
dtypes = [type(np.dtype(code)) for code in ('i8', 'f4', 'f8')]
allowed = [multiarray._reconstruct, multiarray.scalar, np.ndarray, np.dtype, *dtypes]
from distilpose.checkpoints import load_file
torch.serialization.add_safe_globals(allowed)
before = set(torch.serialization.get_safe_globals())
for _ in range(2):
    loaded = load_file(sys.argv[1])
    plain = torch.load(sys.argv[1], weights_only=True)
    for one in (loaded, plain):
        assert one['meta']['sigmas'].tolist() == [0, 1, 2] and one['meta']['best'] == np.float32(0.5), one
assert before == set(torch.serialization.get_safe_globals()), 'what the program allowed changed'
"""


@pytest.mark.slow
@pytest.mark.parametrize('seed', ['0', '1', '2', '3'])
def test_a_program_that_allowed_numpy_reads_arrays(seed: str, tmp_path: Path) -> None:
    """torch takes one of two meanings of a name by the order of a set, which the seed of hashes changes."""
    torch.save(dict(state_dict=dict(w=torch.ones(1)), meta=dict(sigmas=np.arange(3.), best=np.float32(0.5))),
               tmp_path / 'a.pth')
    code = f'import sys; sys.argv[1:] = [{str(tmp_path / "a.pth")!r}]\n{ALLOWED}'
    result = run(code, PYTHONHASHSEED=seed)
    assert result.returncode == 0, result.stderr


class Refusing:
    """A class whose objects cannot be made again."""

    def __setstate__(self, state: Any) -> None:
        raise TypeError('no state is accepted')

    def __getstate__(self) -> dict:
        return dict(a=1)


def test_a_whole_file_is_not_called_damaged(tmp_path: Path) -> None:
    torch.save(dict(a=Refusing()), tmp_path / 'a.pth')
    with torch.serialization.safe_globals([Refusing]), pytest.raises(BadCheckpoint) as caught:
        load_file(tmp_path / 'a.pth')
    assert 'is whole, but what it holds cannot be rebuilt (TypeError: no state is accepted)' in str(caught.value)


@pytest.mark.parametrize('own', [dict(a=1), {}, 'text', [1], dict(array=np.arange(3)), None, {(): {}}])
def test_an_entry_of_the_name_plain_data_is_the_checkpoints(own: Any, tmp_path: Path) -> None:
    """Of a file that others wrote, and of a training of ours, which uses the name for its table."""
    file = tmp_path / 'a.pth'
    torch.save(dict(state_dict={}, plain_data=own), file)
    np.testing.assert_equal(CheckpointLoader.load_checkpoint(str(file), map_location='cpu')['plain_data'], own)
    for others in ({}, dict(meta=dict(sigmas=np.ones(2)))):
        checkpoint = dict(state_dict={}, plain_data=own, **others)
        flatten(checkpoint)
        torch.save(checkpoint, file)
        torch.load(file, weights_only=True)
        np.testing.assert_equal(load_file(file), dict(state_dict={}, plain_data=own, **others))


def test_without_a_reader_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_loading, '_READERS', [])
    torch.save(dict(a=argparse.Namespace()), tmp_path / 'a.pth')
    with pytest.raises(pickle.UnpicklingError):
        mmengines.load_from_local(str(tmp_path / 'a.pth'), 'cpu')
