"""Fetching a preset's file from a server in this process: whole, verified, or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from distilpose.distillation.teachers import fetching
from distilpose.distillation.teachers.fetching import fetch
from distilpose.distillation.teachers.presets import PRESETS, Preset
from distilpose.errors import DistilPoseError
from tests.file_server import Served, serve

CONTENT = bytes(range(256)) * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def archive(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as opened:
        for name in names:
            opened.writestr(name, CONTENT if name.endswith('end2end.onnx') else b'something else')
    return stream.getvalue()


FILES = {
    'network.onnx': CONTENT, 'cut.onnx': CONTENT, 'broken.zip': b'no archive',
    'two.zip': archive('a/end2end.onnx', 'b/end2end.onnx'),
    'network.zip': archive('20230831/network/end2end.onnx', '../../escaped.txt', '20230831/deploy.json')}


@pytest.fixture(scope='module')
def served() -> Iterator[Served]:
    with serve(FILES) as served:
        yield served


@pytest.fixture
def server(served: Served) -> str:
    served.asked.clear()
    return served.url


def preset(url: str | None, sha256: str | None = DIGEST) -> Preset:
    return dataclasses.replace(PRESETS['rtmpose-l'], file='network.onnx', url=url, sha256=sha256)


@pytest.mark.parametrize('name', ['network.onnx', 'network.zip'])
@pytest.mark.parametrize('sha256', [DIGEST, DIGEST[:8], None])
def test_the_file_is_fetched_once(server: str, served: Served, tmp_path: Path, name: str, sha256: str | None) -> None:
    folder = tmp_path / 'teachers'
    for _ in range(2):
        assert fetch(preset(server + name, sha256), folder=folder) == folder / 'network.onnx'
    assert (folder / 'network.onnx').read_bytes() == CONTENT
    assert [file.name for file in tmp_path.rglob('*') if file.is_file()] == ['network.onnx']
    assert served.asked == [name]


def test_without_a_published_digest_the_log_says_the_one_that_was_found(
        server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(fetching, 'print_log', lambda message, *args: said.append(message))
    fetch(preset(server + 'network.onnx', None), folder=tmp_path)
    assert DIGEST in said[-1] and 'none is published' in said[-1]


@pytest.mark.parametrize(('name', 'sentence'), [
    ('missing.onnx', r'cannot be downloaded from http.*missing.onnx \(Not Found\); where there is no connection, get '
                     r'it elsewhere and put it at .*network.onnx'),
    ('missing.zip', r'put end2end.onnx of that archive at .*network.onnx'),
    ('cut.onnx', r'cannot be downloaded from .*\(2,560,000 of 5,120,000 bytes came\)|IncompleteRead'),
    ('broken.zip', r'is no whole zip archive \(File is not a zip file\); try again'),
    ('two.zip', r'holds 2 files end2end.onnx, and one was expected')])
def test_a_broken_download_is_a_sentence_and_leaves_nothing(server: str, tmp_path: Path, name: str,
                                                            sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        fetch(preset(server + name), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_than_the_published_one_is_not_kept(server: str, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=f'its SHA-256 is {DIGEST}, and one that begins with 01234567 was '
                       'expected; it was not kept'):
        fetch(preset(server + 'network.onnx', '01234567'), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_connection_the_sentence_names_the_address_and_the_place(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'cannot be downloaded from http://127.0.0.1:9/network.onnx \(.*refused'
                       r'.*put it at .*network.onnx'):
        fetch(preset('http://127.0.0.1:9/network.onnx'), folder=tmp_path)


@pytest.mark.parametrize('name', ['network.onnx', 'network.zip'])
def test_what_is_too_large_is_refused(server: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, 'MAX_BYTES', 1 << 20)
    with pytest.raises(DistilPoseError, match='which no published teacher is; it was not read'):
        fetch(preset(server + name), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_nobody_publishes_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'is not published in this form; export the network and put it at'):
        fetch(preset(None), folder=tmp_path)


def test_a_file_put_there_by_hand_is_taken(tmp_path: Path) -> None:
    (tmp_path / 'network.onnx').write_bytes(b'by hand')
    assert fetch(preset('http://127.0.0.1:9/network.onnx'), folder=tmp_path).read_bytes() == b'by hand'


def test_another_file_at_hand_is_taken_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(fetching, 'print_log', lambda text, *_: said.append(text))
    (tmp_path / 'network.onnx').write_bytes(CONTENT[:-1])
    assert fetch(preset('http://127.0.0.1:9/x.onnx'), folder=tmp_path).read_bytes() == CONTENT[:-1]
    assert len(said) == 1 and f'begins with {DIGEST[:8]}; delete it to have that one fetched' in said[0]
