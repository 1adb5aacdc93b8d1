"""Download of a preset's published file: unpacked and verified before it gets its name."""

from __future__ import annotations

import http.client
import logging
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from mmengine.logging import print_log
from torch.hub import tqdm

from distilpose.checkpoints.integrity import sha256_of
from distilpose.checkpoints.writing import replacing
from distilpose.config import project_path
from distilpose.errors import DistilPoseError

from .preset_table import ARCHIVED, Preset

FOLDER = 'teacher_chkpts'
MAX_BYTES = 4 << 30
"""A published teacher is smaller; what is larger is no file of a preset."""
_BLOCK, _SECONDS = 1 << 20, 30


def fetch(preset: Preset, *, folder: Path | None = None) -> Path:
    """The file of a preset, which is downloaded where it is not there yet.

    A download that breaks leaves nothing behind and starts from the beginning the next time. The file gets its name
    when its SHA-256 is that of the preset. Where none is published, the log has the one that was found.

    Args:
        preset: whose file.
        folder: where it is looked for and put; ``teacher_chkpts/`` below the project's root by default.

    Raises:
        DistilPoseError: it is not published, it cannot be downloaded, or it is another file than the published one.
        RunFailed: it cannot be written.
    """
    folder = project_path(FOLDER) if folder is None else folder
    target = folder / preset.file
    if target.is_file():
        _compare(preset, target)
        return target
    if preset.url is None:
        raise DistilPoseError(f'the preset {preset.name} describes a file that is not published in this form; export '
                              f'the network and put it at {target}')
    folder.mkdir(parents=True, exist_ok=True)
    print_log(f'Fetching {preset.url} to {target}.', 'current')
    with replacing(target) as partial, partial.open('wb') as output:
        if preset.url.endswith('.zip'):
            with tempfile.TemporaryFile(dir=folder) as archive:
                _download(preset, archive, target=target)
                _unpack(archive, output, preset=preset, target=target)
        else:
            _download(preset, output, target=target)
        output.flush()
        _verify(preset, partial, target=target)
    return target


def _download(preset: Preset, output: BinaryIO, *, target: Path) -> None:
    """Streams the address into a file, with a bar where a person watches."""
    assert preset.url is not None
    with _download_errors_as_sentences(preset, target):
        request = Request(preset.url, headers={'User-Agent': 'distilpose'})
        with urlopen(request, timeout=_SECONDS) as response:
            total = int(response.headers.get('Content-Length') or 0)
            _require_size(preset, total)
            with tqdm(total=total or None, disable=not sys.stderr.isatty(), unit='B', unit_scale=True) as bar:
                while block := response.read(_BLOCK):
                    output.write(block)
                    bar.update(len(block))
                    _require_size(preset, output.tell())
            if total and output.tell() != total:
                raise URLError(f'{output.tell():,} of {total:,} bytes came')


@contextmanager
def _download_errors_as_sentences(preset: Preset, target: Path) -> Iterator[None]:
    try:
        yield
    except (URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, 'reason', None) or error
        inside = f'{ARCHIVED} of that archive' if str(preset.url).endswith('.zip') else 'it'
        raise DistilPoseError(f'the preset {preset.name} cannot be downloaded from {preset.url} ({reason}); where '
                              f'there is no connection, get it elsewhere and put {inside} at {target}') from error


def _require_size(preset: Preset, size: int) -> None:
    if size > MAX_BYTES:
        raise DistilPoseError(f'{preset.url} is of more than {MAX_BYTES / 1e9:.1f} GB, which no published teacher is; '
                              'it was not read')


def _unpack(archive: BinaryIO, output: BinaryIO, *, preset: Preset, target: Path) -> None:
    """Copies the one network in an archive of OpenMMLab's; nothing else of it is unpacked."""
    name = Path(urlsplit(str(preset.url)).path).name
    try:
        with zipfile.ZipFile(archive) as opened:
            found = [member for member in opened.infolist() if Path(member.filename).name == ARCHIVED]
            if len(found) != 1:
                raise DistilPoseError(f'{preset.url} holds {len(found)} files {ARCHIVED}, and one was expected; put '
                                      f'the network itself at {target}')
            _require_size(preset, found[0].file_size)
            with opened.open(found[0]) as source:
                shutil.copyfileobj(source, output, _BLOCK)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # damaged, or encrypted
        raise DistilPoseError(f'{preset.url} is no whole zip archive ({error}); try again, or put the {ARCHIVED} of '
                              f'{name} at {target}') from error


def _compare(preset: Preset, file: Path) -> None:
    """Warns of a file at hand that is not the published one: who put it there may have had a reason."""
    if preset.sha256 is not None and not (found := sha256_of(file)).startswith(preset.sha256):
        print_log(f'The SHA-256 of {file} is {found}, and that of the published file of the preset {preset.name} '
                  f'begins with {preset.sha256[:8]}; delete it to have that one fetched.', 'current', logging.WARNING)


def _verify(preset: Preset, partial: Path, *, target: Path) -> None:
    found = sha256_of(partial)
    if preset.sha256 is None:
        print_log(f'The SHA-256 of {target} is {found}; none is published for the preset {preset.name} to compare it '
                  'with.', 'current', logging.WARNING)
    elif not found.startswith(preset.sha256):
        expected = preset.sha256 if len(preset.sha256) == 64 else f'one that begins with {preset.sha256}'
        raise DistilPoseError(f'{preset.url} gave another file than the published one: its SHA-256 is {found}, and '
                              f'{expected} was expected; it was not kept. If you trust that file, put it at {target} '
                              'yourself')
