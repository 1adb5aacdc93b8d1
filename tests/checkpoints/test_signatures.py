"""Files that are no checkpoints are called what they are, with what to do about each."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from distilpose.checkpoints import BadCheckpoint, UntrustedCheckpoint, load_file


def torchscript(file: Path) -> None:
    torch.jit.trace(nn.Linear(2, 3), torch.zeros(1, 2)).save(str(file))


def zipped(**members: bytes) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        with zipfile.ZipFile(file, 'w') as archive:
            for name, content in members.items():
                archive.writestr(name.replace('__', '/'), content)
    return write


def tarred(*names: str) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        with tarfile.open(file, 'w') as archive:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = 4
                archive.addfile(info, io.BytesIO(b'abcd'))
    return write


def content(data: bytes) -> Callable[[Path], None]:
    return lambda file: (file.write_bytes(data), None)[1]


KINDS: dict[str, tuple[Callable[[Path], None], str, str]] = dict(
    torchscript=(torchscript, 'a TorchScript model', 'torch.jit.load'),
    exported=(zipped(x__archive_format=b'pt2', x__data__weights__w=b'1'), 'a model of torch.export',
              'torch.export.load'),
    package=(zipped(**{'x__.data/extern_modules': b''}), 'a model of torch.package', 'torch.save'),
    zip_of_a_checkpoint=(zipped(**{'weights.pth': b'1'}), "a zip archive of 'weights.pth'", 'unpack it'),
    keras_zip=(zipped(**{'model.weights.h5': b'', 'config.json': b''}), 'a Keras model', 'the framework that wrote it'),
    npz=(lambda file: np.savez(file.open('wb'), a=np.ones(2)), 'an archive of numpy arrays', 'torch.save'),
    tar=(tarred('model/weights.pth'), "a tar archive of 'model/weights.pth'", 'unpack it'),
    gzip=(content(gzip.compress(b'x' * 100)), 'a gzip archive', 'unpack it'),
    hdf5=(content(b'\x89HDF\r\n\x1a\n' + bytes(100)), 'an HDF5 file, as Keras', 'the framework that wrote it'),
    onnx=(content(b'\x08\x07\x12\x07pytorch\x1a\x052.0.0' + bytes(50)), 'an ONNX model', 'exported from'),
    tflite=(content(b'\x1c\0\0\0TFL3' + bytes(60)), 'a TensorFlow Lite model', 'the framework that wrote it'),
    lfs=(content(b'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n'), 'a Git LFS pointer',
         'git lfs pull'),
    web_page=(content(b'\n<!DOCTYPE html>\n<html>Too many requests</html>'), 'a web page', 'download it again'),
    xml=(content(b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), 'an XML document', 'file server'),
    json=(content(b'{"error": "not found"}'), 'a JSON document', 'download it again'),
    index=(content(b'{\n  "metadata": {"total_size": 1},\n "weight_map": {}}'), 'the index of weights', 'those files'),
    empty=(content(b''), 'an empty file', 'download or copy it again'),
    config=(content(b"_base_ = 'a.py'\nmodel = dict(type='TopdownPoseEstimator')\n"), 'a text file, which begins',
            'name the checkpoint'),
    picture=(content(b'\xff\xd8\xff\xe0' + bytes(50)), 'a picture', 'name the checkpoint'),
    pickle=(content(pickle.dumps(dict(a=[1.5] * 30))), 'a pickle that torch.save did not', 'torch.save'),
    numpy=(lambda file: np.save(file.open('wb'), np.ones(30)), 'a numpy array', 'torch.save'),
)


@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
@pytest.mark.parametrize('kind', KINDS)
def test_each_is_named(kind: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, what, advice = KINDS[kind]
    file = tmp_path / f'file.{suffix}'
    write(file)
    for trusted in (False, True):
        with pytest.raises(BadCheckpoint) as caught:
            load_file(file, trusted=trusted)
        message = str(caught.value)
        assert message.startswith(f'{file} ({file.stat().st_size:,} bytes) is no checkpoint: it is {what}')
        assert advice in message and '\n' not in message
        assert 'damaged' not in message and ('copy it again' in message) == (kind == 'empty')


def test_a_tar_file_of_torch_is_read_only_if_it_is_trusted(tmp_path: Path) -> None:
    """The format of torch 0.1; this one is not whole, so that torch's reader of it fails."""
    file = tmp_path / 'old.pth'
    tarred('storages', 'tensors', 'pickle', 'sys_info')(file)
    with pytest.raises(UntrustedCheckpoint, match=r'tar format of torch 0\.1.*DISTILPOSE_TRUSTED_CHECKPOINTS'):
        load_file(file)
    with pytest.raises(BadCheckpoint, match='no file of torch.save'):
        load_file(file, trusted=True)


def test_a_folder_is_asked_for_its_checkpoints(tmp_path: Path) -> None:
    for name in ('epoch_1.pth', 'a.txt', 'model.safetensors'):
        (tmp_path / name).write_text('')
    with pytest.raises(BadCheckpoint, match=r'a file was expected, such as epoch_1\.pth, model\.safetensors in it'):
        load_file(tmp_path)


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
def test_every_torch_file_is_still_read(tmp_path: Path) -> None:
    for name, options in dict(zip={}, legacy=dict(_use_new_zipfile_serialization=False),
                              protocol=dict(_use_new_zipfile_serialization=False, pickle_protocol=3)).items():
        torch.save(dict(a=torch.arange(100.)), tmp_path / name, **options)
        assert load_file(tmp_path / name)['a'].sum() == 4950
