"""Downloads of weights: whole or not at all, and in a sentence where there is no connection."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from distilpose.checkpoints import load_file
from distilpose.host import downloads
from distilpose.host.downloads import CannotDownload, cached_download
from tests.file_server import serve

CONTENT = b'0123456789' * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_is_downloaded_once(tmp_path: Path) -> None:
    name = f'weights-{SHA[:8]}.pth'
    with serve({name: CONTENT}) as served:
        for _ in range(2):
            assert cached_download(served.url + name, tmp_path / 'new').read_bytes() == CONTENT
    assert served.asked == [name]


@pytest.mark.parametrize('name', ['weights-20230126.pth', 'weights-0123abcd_20230126.pth'])
def test_a_date_in_a_name_is_no_checksum(name: str, tmp_path: Path) -> None:
    with serve({name: CONTENT}) as served:
        assert cached_download(served.url + name, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(('name', 'words'), [
    ('cut.pth', '5,000 of 10,000 bytes came|IncompleteRead'), ('absent.pth', 'Not Found'),
    ('weights-0123abcd.pth', f'SHA-256 {SHA[:16]}.*the name says 0123abcd')])
def test_what_does_not_come_whole_leaves_nothing(name: str, words: str, tmp_path: Path) -> None:
    expected = (rf'http://.*/{name} cannot be downloaded \(.*({words}).*\); get the file elsewhere and put it at '
                rf'{tmp_path}/{name}')
    with (serve({'cut.pth': CONTENT, 'weights-0123abcd.pth': CONTENT}) as served,
          pytest.raises(CannotDownload, match=expected) as error):
        cached_download(served.url + name, tmp_path)
    assert error.value.exit_code == 2 and not list(tmp_path.iterdir())


@pytest.mark.parametrize('url', ['http://127.0.0.1:9/a.pth', 'https://name.invalid/a.pth', 'http://[/a.pth'])
def test_no_connection(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    for load in (load_file, CheckpointLoader.load_checkpoint):
        with pytest.raises(CannotDownload, match=r'a\.pth cannot be downloaded'):
            load(url)


def test_a_server_that_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(downloads, 'SECONDS', 0.05)
    with socket.create_server(('127.0.0.1', 0)) as silent, pytest.raises(CannotDownload, match='timed out'):
        cached_download(f'http://127.0.0.1:{silent.getsockname()[1]}/a.pth', tmp_path)
