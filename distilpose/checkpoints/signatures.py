"""File formats that are no checkpoints, recognised by their first bytes; trusted files, which may run code."""

from __future__ import annotations

import os
import pickle
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..errors import BadCheckpoint, DistilPoseError

TRUST_VARIABLE = 'DISTILPOSE_TRUSTED_CHECKPOINTS'


class UntrustedCheckpoint(DistilPoseError, pickle.UnpicklingError):
    """The file can only be read by running code that it names, and it is not listed as trusted."""


def is_listed_as_trusted(file: Path) -> bool:
    """Whether the environment variable lists a file or a folder that it is in."""
    entries = os.environ.get(TRUST_VARIABLE, '').split(os.pathsep)
    listed = [Path(entry).expanduser().resolve() for entry in entries if entry]
    resolved = file.resolve()
    return any(entry == resolved or entry in resolved.parents for entry in listed)


def how_to_trust(file: Path) -> str:
    """The end of a sentence that refuses a file."""
    return (f'Only if you trust where the file comes from, pass trusted=True, or list it in the environment: '
            f'{TRUST_VARIABLE}={file.resolve()}')


_HEAD = 512
_SHOWN_NAMES = 5
_SAVE_THERE = ('load it with the framework that wrote it and save its weights as a .safetensors file, or with '
               'torch.save(model.state_dict(), FILE)')
_SAVE_TENSORS = 'save the weights as a dictionary of tensors with torch.save'
_AGAIN = 'download it again, from the address of the file itself'
_UNPACK = 'unpack it, and name the checkpoint that is in it'
_TORCHS_NUMBER = b'l\xfc\x9cF\xf9 j\xa8P\x19'
"""The magic number of torch.save before torch 1.6, pickled."""


class Signature(NamedTuple):
    """A format that is not read."""

    what: str
    """With an article."""
    advice: str
    matches: Callable[[bytes], bool]
    """Takes the first bytes of a file."""


def _starts(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(beginnings)


def _text(pattern: bytes) -> Callable[[bytes], bool]:
    expression = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:' + pattern + rb')', re.IGNORECASE)
    return lambda head: expression.match(head) is not None


SIGNATURES = (
    Signature('an empty file', 'download or copy it again', lambda head: not head),
    Signature('a Git LFS pointer, which stands for a file elsewhere', 'run git lfs pull in its repository',
              _starts(b'version https://git-lfs', b'version https://hawser')),
    Signature('a git-annex pointer, which stands for a file elsewhere', 'run git annex get in its repository',
              _starts(b'/annex/objects/')),
    Signature('a web page, such as an error or a question whether to download', _AGAIN,
              _text(rb'<!doctype html|<html|<head|<!--')),
    Signature('an XML document, such as the error of a file server', _AGAIN, _text(rb'<\?xml|<error')),
    Signature('the index of weights that lie in several files', 'read those files in a program of your own, and save '
              'all of their weights as one', _text(rb'\{\s*"(?:metadata|weight_map)"')),
    Signature('a JSON document, such as the error of a file server', _AGAIN, _text(rb'[{\[]\s*["{\[\]}]')),
    Signature('an HDF5 file, as Keras and MATLAB write them', _SAVE_THERE, _starts(b'\x89HDF\r\n\x1a\n')),
    Signature('an ONNX model', 'name the checkpoint that it was exported from',
              lambda head: re.match(rb'\x08[\x01-\x20][\x12\x3a]', head) is not None),
    Signature('a TensorFlow Lite model', _SAVE_THERE, lambda head: head[4:8] == b'TFL3'),
    Signature('a GGUF file', _SAVE_THERE, _starts(b'GGUF')),
    Signature('a TensorRT engine', 'name the checkpoint that it was built from', _starts(b'ftrt')),
    Signature('a MATLAB file', _SAVE_THERE, _starts(b'MATLAB ')),
    Signature('a numpy array', _SAVE_TENSORS, _starts(b'\x93NUMPY')),
    Signature('a gzip archive', _UNPACK, _starts(b'\x1f\x8b')),
    Signature('a bzip2 archive', _UNPACK, _starts(b'BZh')),
    Signature('an xz archive', _UNPACK, _starts(b'\xfd7zXZ\0')),
    Signature('a Zstandard archive', _UNPACK, _starts(b'\x28\xb5\x2f\xfd')),
    Signature('a 7-Zip archive', _UNPACK, _starts(b"7z\xbc\xaf'\x1c")),
    Signature('a RAR archive', _UNPACK, _starts(b'Rar!\x1a\x07')),
    Signature('a picture', 'name the checkpoint', _starts(b'\x89PNG', b'\xff\xd8\xff', b'GIF8')),
    Signature('a PDF document', 'name the checkpoint', _starts(b'%PDF')),
    Signature('a pickle that torch.save did not write, such as those of PaddlePaddle and Detectron2', _SAVE_TENSORS,
              lambda head: len(head) > 64 and head[:1] == b'\x80' and _TORCHS_NUMBER not in head[:32]),
)
"""In this order; files of torch and safetensors match none."""


def refuse_other_formats(file: Path, *, trusted: bool = False) -> None:
    """Refuses a file that is known to be something else than a checkpoint.

    Raises:
        BadCheckpoint: with the format and what to do.
        UntrustedCheckpoint: it is of torch 0.1, and is not trusted.
    """
    with file.open('rb') as stream:
        head = stream.read(_HEAD)
    found: Signature | tuple[str, str] | None = next((one for one in SIGNATURES if one.matches(head)), None)
    if found is None and zipfile.is_zipfile(file):
        found = _in_zip(file)
    if found is None and head[257:262] == b'ustar':
        found = _in_tar(file, trusted=trusted)
    if found is None and head.isascii() and head.decode().replace('\n', '').replace('\t', '').isprintable():
        found = f'a text file, which begins {head[:40].decode()!r}', 'name the checkpoint'
    if found is not None:
        what, advice = found[:2]
        raise BadCheckpoint(f'{file} ({file.stat().st_size:,} bytes) is no checkpoint: it is {what}; {advice}.')


def _in_zip(file: Path) -> tuple[str, str] | None:
    """What a zip archive is that torch.save did not write; ``None`` for one that it did, or that is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    inside = {name.partition('/')[2] for name in names}
    if 'constants.pkl' in inside or any(name.startswith('code/') for name in inside):
        return 'a TorchScript model, which is a program', 'save torch.jit.load(FILE).state_dict() with torch.save'
    if any(name.startswith('.data/extern_modules') for name in inside):
        return 'a model of torch.package, which is a program', 'save its state_dict() with torch.save'
    if any(name.endswith('archive_format') for name in inside):
        return 'a model of torch.export', 'save its state_dict (torch.export.load(FILE).state_dict) with torch.save'
    if 'data.pkl' in inside:
        return None
    if 'model.weights.h5' in names:
        return 'a Keras model', _SAVE_THERE
    if names and all(name.endswith('.npy') for name in names):
        return 'an archive of numpy arrays (.npz)', _SAVE_TENSORS
    return f'a zip archive of {_some(names)}', _UNPACK


def _in_tar(file: Path, *, trusted: bool) -> tuple[str, str] | None:
    """What a tar archive is; ``None`` for a damaged one, and for a checkpoint of torch 0.1 that is trusted."""
    names: list[str] = []
    try:
        with tarfile.open(file, 'r:') as archive:
            while len(names) < 8 and (member := archive.next()) is not None:
                names.append(member.name)
    except (tarfile.TarError, OSError, ValueError):
        return None
    if not {'storages', 'tensors', 'pickle'} <= set(names):
        return f'a tar archive of {_some(names)}', _UNPACK
    if trusted:
        return None
    raise UntrustedCheckpoint(f'{file} was not read: it is in the tar format of torch 0.1, which can run any code '
                              f'while being loaded. {how_to_trust(file)}')


def _some(names: list[str]) -> str:
    shown = ', '.join(repr(name[:60]) for name in names[:3]) or 'nothing'
    return shown + (' and more' if len(names) > 3 else '')


def some_names(names: list[str]) -> str:
    """The first of some names, and how many more there are, for messages."""
    rest = len(names) - _SHOWN_NAMES
    return ', '.join(names[:_SHOWN_NAMES]) + (f' and {rest} more' if rest > 0 else '')
