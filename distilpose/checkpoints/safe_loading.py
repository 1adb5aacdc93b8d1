"""Safe loading of checkpoint files: reading them without running code that they carry.

A file of torch is read with ``torch.load(..., weights_only=True)``, after what it declares was compared with its size
(:mod:`distilpose.checkpoints.declared_sizes`); one of safetensors by its library. Two kinds of harmless objects that
mmengine and mmpose write into their files are understood through unpickling shims
(:mod:`distilpose.checkpoints.unpickling_shims`): numpy arrays and scalars, and mmengine's ``HistoryBuffer``.
A file which needs anything else is refused, unless the caller or the environment trusts it.
"""

from __future__ import annotations

import os
import pickle
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..errors import BadCheckpoint, DistilPoseError, MissingCheckpoint
from ..host.downloads import SCHEMES, cached_download
from ..renamed import forward_names
from .declared_sizes import check_declared_sizes
from .integrity import check_records
from .plain_data import restore
from .safetensors_files import SUFFIX, is_safetensors, read_safetensors
from .signatures import UntrustedCheckpoint, how_to_trust, is_listed_as_trusted, refuse_other_formats, some_names
from .unpickling_shims import SAFE_STAND_INS, resolve_stand_ins

_ALLOWING = threading.RLock()

__getattr__ = forward_names(__name__, {
    name: f'distilpose.checkpoints.weights.{name}' for name in ('CheckpointMismatch', 'load_strict', 'state_dict_of')})


def load_file(path: str | os.PathLike[str], *, trusted: bool = False) -> dict[str, Any]:
    """Read a checkpoint file onto the CPU, without running code that it carries.

    Args:
        path: The file, or its address (http or https), which is downloaded into torch's cache.
        trusted: Unpickle the file fully, which runs whatever code it names. The environment variable
            ``DISTILPOSE_TRUSTED_CHECKPOINTS`` does the same for the files, and for all files below the
            folders, that it lists (separated like ``PATH``).

    Returns:
        The checkpoint, a dictionary.

    Raises:
        MissingCheckpoint: There is no such file (a ``FileNotFoundError``).
        CannotDownload: There is no connection, or no such file at the address.
        UntrustedCheckpoint: The file needs unpickling and is not trusted.
        BadCheckpoint: It is not a checkpoint, it is truncated, a record is not what was written, or it would unpack to
            far more than its size.
    """
    checkpoint = read(path, map_location='cpu', trusted=trusted)
    if not isinstance(checkpoint, Mapping):
        raise BadCheckpoint(
            f'{path} is no checkpoint: a dictionary was expected, and it holds a {type(checkpoint).__name__}.'
        )
    return dict(checkpoint) if type(checkpoint) is not dict else checkpoint


def read(path: str | os.PathLike[str], *, map_location: Any = 'cpu', trusted: bool = False) -> Any:
    """Read a file as :func:`load_file` does, for any ``map_location`` and whatever it holds."""
    file = _existing(path)
    if is_safetensors(file):
        return read_safetensors(file, map_location)
    trusted = trusted or is_listed_as_trusted(file)
    _check_kind_and_sizes(file, trusted=trusted)
    check_records(file)
    loaded = _load(file, map_location=map_location, trusted=trusted)
    try:
        return restore(loaded)
    except BadCheckpoint as error:
        raise BadCheckpoint(f'{file} is whole, but {error}. Download or copy it again.') from error


def read_outline(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a checkpoint file memory-mapped: tensors are read from disk when they are used; checksums are not compared.

    Raises:
        DistilPoseError: as :func:`load_file`, except for damage inside of tensors.
    """
    file = _existing(path)
    if is_safetensors(file):
        return dict(read_safetensors(file))
    trusted = is_listed_as_trusted(file)
    _check_kind_and_sizes(file, trusted=trusted)
    is_mapped = zipfile.is_zipfile(file) and file.suffix != SUFFIX
    loaded = _load(file, map_location='cpu', trusted=trusted, mmap=is_mapped)
    if not isinstance(loaded, Mapping):
        raise BadCheckpoint(f'{file} is no checkpoint: a dictionary was expected, and it holds a '
                            f'{type(loaded).__name__}.')
    return dict(loaded)


def _existing(path: str | os.PathLike[str]) -> Path:
    address = str(path)
    file = cached_download(address) if address.startswith(SCHEMES) else Path(path).expanduser()
    if not file.exists():
        raise MissingCheckpoint(f'The checkpoint {file} does not exist (looked from {Path.cwd()}).')
    if not file.is_file():
        raise BadCheckpoint(f'{file} is no checkpoint: it is a folder, and a file was expected{_files_in(file)}.')
    return file


def _check_kind_and_sizes(file: Path, *, trusted: bool) -> None:
    """Refuses what is no file of torch.save, and one that would unpack to far more than its size."""
    refuse_other_formats(file, trusted=trusted)
    if not trusted:
        check_declared_sizes(file)


def _load(file: Path, *, map_location: Any, trusted: bool, mmap: bool = False) -> Any:
    """``torch.load``, whose errors are sentences."""
    try:
        with file.open('rb') as stream:  # torch takes a path that ends in .safetensors for one of that format
            source = stream if file.suffix == SUFFIX else file
            if trusted:
                return torch.load(source, map_location=map_location, weights_only=False, mmap=mmap)
            with _allowed():
                loaded = torch.load(source, map_location=map_location, weights_only=True, mmap=mmap)
            return resolve_stand_ins(loaded)
    except pickle.UnpicklingError as error:
        raise _refusal(file, error) from error
    except Exception as error:  # whatever torch, or the file, raises about what it holds
        if isinstance(error, torch.OutOfMemoryError) or 'deserialize object' in str(error):
            raise
        if zipfile.is_zipfile(file) and not isinstance(error, (OSError, RuntimeError)):
            raise BadCheckpoint(
                f'{file} is whole, but what it holds cannot be rebuilt ({type(error).__name__}: {error})'
            ) from error
        raise BadCheckpoint(
            f'{file} ({file.stat().st_size:,} bytes) cannot be read: it is cut short, damaged or no checkpoint at all. '
            f'Download or copy it again. ({_first_line(error)})'
        ) from error


@contextmanager
def _allowed() -> Iterator[None]:
    """While open, ``weights_only`` reads the shims, and what this program has allowed under other names.

    Of two meanings of one name, torch takes the one that comes last in a set, which differs between processes; so
    those of the program are taken out meanwhile.
    """
    names = {name for _, name in SAFE_STAND_INS}
    with _ALLOWING:
        before = torch.serialization.get_safe_globals()
        hidden = [entry for entry in before if _name_of(entry) in names]
        if hidden:
            torch.serialization.clear_safe_globals()
            torch.serialization.add_safe_globals([entry for entry in before if _name_of(entry) not in names])
        try:
            with torch.serialization.safe_globals([*SAFE_STAND_INS]):
                yield
        finally:
            torch.serialization.add_safe_globals(hidden)


def _name_of(allowed: Any) -> str:
    """The name of an entry of torch's allowed globals: an object, or a pair of an object and its name."""
    return str(allowed[1]) if isinstance(allowed, tuple) else f'{allowed.__module__}.{allowed.__qualname__}'


def _refusal(file: Path, error: Exception) -> DistilPoseError:
    """Explain a file that only a full unpickling could read."""
    try:
        allowed = {name for _, name in SAFE_STAND_INS}
        found = sorted(set(torch.serialization.get_unsafe_globals_in_checkpoint(file)) - allowed)
    except (ValueError, RuntimeError, EOFError, pickle.UnpicklingError):  # older than the zip format
        found = []
    found = found or re.findall(r'GLOBAL (\S+) (?:was not|whose)', str(error))
    with file.open('rb') as stream:
        is_pickle = stream.read(2) in (b'PK', *(bytes([0x80, protocol]) for protocol in range(6)))
    if not is_pickle:
        return BadCheckpoint(f'{file} ({file.stat().st_size:,} bytes) is no checkpoint: it is no file of torch.save, '
                             'and no safetensors file.')
    needed = f'the objects {some_names(found)}' if found else f'more than plain weights ({_first_line(error)})'
    return UntrustedCheckpoint(
        f'{file} was not read: it holds {needed}, which can run any code while being loaded. {how_to_trust(file)}'
    )


def _files_in(folder: Path) -> str:
    """What to name instead of a folder, as the end of a sentence."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in ('.pth', '.pt', SUFFIX))
    return f', such as {some_names(names)} in it' if names else ''


def _first_line(error: BaseException) -> str:
    words = str(error).rpartition('WeightsUnpickler error:')[2].strip()
    sentence = re.split(r'(?<=\.)\s|\n', words)[0]
    return sentence or type(error).__name__
