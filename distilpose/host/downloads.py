"""Downloads of weights: streamed with a time limit into torch's cache, whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from distilpose.errors import DistilPoseError

SECONDS = 30
"""Seconds that a server may send nothing."""
SCHEMES = ('http://', 'https://')
_BLOCK = 1 << 20
_HASH_IN_NAME = re.compile(r'-(?!(?:19|20)\d\d[01]\d[0-3]\d\.)([0-9a-f]{8,64})\.\w+$')
"""As torch and torchvision name files: the first digits of their SHA-256 before the suffix, which are no date."""


class CannotDownload(DistilPoseError):
    """Weights cannot be downloaded.

    Args:
        url: their address.
        target: where the file is looked for.
        reason: why not.
        way_on: what else can be done.
    """

    def __init__(self, url: str, target: Path, reason: object, *, way_on: str = '') -> None:
        super().__init__(f'{url} cannot be downloaded ({reason}); get the file elsewhere and put it at {target}'
                         f'{f", {way_on}" if way_on else ""}')
        self.url, self.target, self.reason = url, target, reason


def cached_download(url: str, folder: str | Path | None = None, *, progress: bool | None = None) -> Path:
    """The file of an address, which the first process downloads where it is not there yet.

    Args:
        url: of http or https.
        folder: where it is looked for and put; torch's cache by default, as ``torch.hub`` does.
        progress: show a bar; where a person watches by default.

    Raises:
        CannotDownload: there is no connection, no such file, or its SHA-256 is not the one in its name.
    """
    import torch
    from mmengine.dist import barrier, get_dist_info

    place = Path(torch.hub.get_dir(), 'checkpoints') if folder is None else Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    try:
        target = place / os.path.basename(urlparse(url).path)
    except ValueError as error:
        raise CannotDownload(url, place, error) from error
    show = sys.stderr.isatty() if progress is None else progress
    if get_dist_info()[0] == 0:
        _fetch(url, target, show)
    barrier()
    _fetch(url, target, show)  # only where the processes share no disk
    return target


def _fetch(url: str, target: Path, progress: bool) -> None:
    if not target.exists():
        sys.stdout.write(f'Downloading: "{url}" to {target}\n')
        download(url, str(target), progress=progress)


def download(url: str, target: str, progress: bool = True) -> None:
    """Writes the file of an address; nothing is left of one that breaks off.

    Raises:
        CannotDownload: with the address, the file and the reason.
    """
    file = Path(target)
    part = file.with_name(f'.{file.name}.{os.getpid()}.part')
    try:
        digest = _stream(url, part, progress=progress)
        expected = _HASH_IN_NAME.search(file.name)
        if expected and not digest.startswith(expected[1]):
            raise CannotDownload(url, file, f'what came has the SHA-256 {digest[:16]}..., and the name says '
                                            f'{expected[1]}: another file, or a changed one')
        os.replace(part, file)
    except (URLError, TimeoutError, ConnectionError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, DistilPoseError):
            raise
        raise CannotDownload(url, file, getattr(error, 'reason', None) or error) from error
    finally:
        part.unlink(missing_ok=True)


def _stream(url: str, part: Path, *, progress: bool) -> str:
    """Copies an address into a file; returns its SHA-256."""
    from torch.hub import tqdm

    digest = hashlib.sha256()
    with urlopen(Request(url, headers={'User-Agent': 'distilpose'}), timeout=SECONDS) as response, \
            part.open('wb') as output:
        total = int(response.headers.get('Content-Length') or 0)
        with tqdm(total=total or None, disable=not progress, unit='B', unit_scale=True) as bar:
            while block := response.read(_BLOCK):
                output.write(block)
                digest.update(block)
                bar.update(len(block))
        if total and output.tell() != total:
            raise URLError(f'{output.tell():,} of {total:,} bytes came')
    return digest.hexdigest()
