"""Safe loading of checkpoints by mmengine: files and downloads are read without running code that they carry.

mmengine downloads with ``weights_only=False``; and it cannot read its own training checkpoints with
``weights_only=True``, which torch 2.6 made the default, because it pickles numpy arrays and history buffers.
"""

from __future__ import annotations

import functools
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distilpose.errors import MissingCheckpoint

from .archives import check_archive
from .downloads import cached_download

Reader = Callable[..., Any]
"""``read(path, map_location=...)`` gives what a checkpoint file holds."""
_READERS: list[Reader] = []


def read_checkpoints_with(reader: Reader) -> None:
    """Registers the function that reads checkpoint files; ``distilpose.checkpoints`` does so with its own."""
    _READERS[:] = [reader]


def load_checkpoints_safely() -> bool:
    """Lets mmengine read every local or downloaded checkpoint with the registered reader."""
    from mmengine.runner import checkpoint

    for function, prefixes in ((load_from_local, ''), (load_from_http, ('http://', 'https://'))):
        original = getattr(checkpoint, function.__name__)
        replacement = functools.wraps(original)(function)
        setattr(checkpoint, function.__name__, replacement)
        checkpoint.CheckpointLoader.register_scheme(prefixes=prefixes, loader=replacement, force=True)
    return True


def load_from_local(filename: str, map_location: Any) -> Any:
    """mmengine's function of this name.

    Raises:
        FileNotFoundError: There is no such file, or it is a folder.
        DistilPoseError: The file is not trusted, or no checkpoint.
    """
    filename = os.path.expanduser(filename)
    if not os.path.isfile(filename):
        raise MissingCheckpoint(f'{filename} can not be found.')
    return _read(filename, map_location)


def load_from_http(
    filename: str, map_location: Any = None, model_dir: str | None = None, progress: bool = os.isatty(0)
) -> Any:
    """mmengine's function of this name, which is torch's ``load_state_dict_from_url`` on the first process first.

    Raises:
        CannotDownload: with the address, the reason, and where the file can be put.
    """
    if os.getenv('TORCH_MODEL_ZOO'):
        warnings.warn('TORCH_MODEL_ZOO is deprecated, please use env TORCH_HOME instead', stacklevel=2)
    return _read(_unpacked(cached_download(filename, model_dir, progress=progress)), map_location)


def _read(path: str | Path, map_location: Any) -> Any:
    import torch

    read = _READERS[0] if _READERS else functools.partial(torch.load, weights_only=True)
    return without_program(read(path, map_location=map_location))


def without_program(checkpoint: Any) -> Any:
    """Takes ``meta['config']`` out of a checkpoint, in place: mmengine runs this text as Python when it resumes.

    Its own checkpoints have ``meta['cfg']`` instead, which is not run.
    """
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    if isinstance(meta, dict):
        meta.pop('config', None)
    return checkpoint


def _unpacked(file: Path) -> Path:
    """The file itself, or the checkpoint of torch before 1.6 that is alone in a zip archive, unpacked beside it.

    Raises:
        BadCheckpoint: it would unpack to far more than its size.
    """
    if not zipfile.is_zipfile(file):
        return file
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) != 1 or members[0].is_dir():
            return file
        check_archive(archive, file)
        warnings.warn(f'{file} is in the format of torch before 1.6: write it again with torch.save()', FutureWarning,
                      stacklevel=2)
        unpacked = file.with_name(f'{file.name}.unzipped')
        part = file.with_name(f'.{unpacked.name}.{os.getpid()}.part')
        try:
            with archive.open(members[0]) as source, part.open('wb') as target:
                shutil.copyfileobj(source, target)
            os.replace(part, unpacked)
        finally:
            part.unlink(missing_ok=True)
    return unpacked
