"""Stored annotations: what training reads of an annotation file, as memory-mapped arrays in the cache folder.

Nothing is unpickled. A folder holds ``header.json``, an ``.npy`` file a column, and the JSON texts of images and
people, one after the other, with an array of where each ends. All processes that read it share its memory.
"""

from __future__ import annotations

import functools
import json
import logging
import mmap
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from distilpose.errors import DistilPoseError

from . import cache_folder
from .stored_columns import Columns

FORMAT = 2
"""Of what is written here; folders of another format are written anew."""
HEADER = 'header.json'
KINDS: dict[str, tuple[str, ...]] = dict(
    annotations=('image_id', 'image_size', 'image_has_people', 'image_names_end', 'images_end', 'person_image', 'id',
                 'box', 'xywh', 'area', 'category', 'num_keypoints', 'has_count', 'keypoints', 'in_body', 'is_false',
                 'people_end'),
    detections=('image_id', 'box', 'score'), unusual=())
"""Kind of a file -> columns that it must have."""
_FACTS = ('categories', 'has_crowd_index', 'has_keypoint_scores')
_LARGEST_HEADER = 64 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Header:
    """The content of ``header.json``."""

    kind: str
    """``'annotations'``, ``'detections'``, or ``'unusual'``: a file that mmpose reads."""
    facts: dict[str, Any]
    files: dict[str, list[int]]
    """Name -> size in bytes and CRC-32."""
    format: int = FORMAT


class Damaged(Exception):
    """A folder that is not what was written."""


class StoredFile:
    """The columns of an annotation or detection file.

    Args:
        folder: of the cache.
        verify: compare the checksums of the files; without, only their sizes.

    Raises:
        Damaged: a file is missing, has another size or checksum, or the folder another format.
    """

    def __init__(self, folder: str | Path, *, verify: bool = True) -> None:
        self.folder = Path(folder)
        self._header = _read_header(self.folder)
        for name, (size, crc) in self._header.files.items():
            _verify(self.folder / name, size, crc if verify else None)
        self._arrays: dict[str, np.ndarray] = {}
        self._texts: dict[str, tuple[mmap.mmap | bytes, np.ndarray]] = {}
        if verify:
            _check_columns(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return reopen, (str(self.folder), )

    def __deepcopy__(self, memo: Any) -> StoredFile:
        return self  # it does not change

    @property
    def kind(self) -> str:
        """``'annotations'``, ``'detections'`` or ``'unusual'``."""
        return self._header.kind

    @property
    def facts(self) -> dict[str, Any]:
        """Plain data beside the columns."""
        return self._header.facts

    def has(self, name: str) -> bool:
        """Whether there is a column of this name."""
        return f'{name}.npy' in self._header.files

    def column(self, name: str) -> np.ndarray:
        """A memory-mapped column, read-only."""
        if name not in self._arrays:
            self._arrays[name] = _mapped(self.folder / f'{name}.npy')
        return self._arrays[name]

    def bytes_of(self, name: str, index: int) -> bytes:
        """A text of a column of texts."""
        if name not in self._texts:
            self._texts[name] = _mapped_bytes(self.folder / f'{name}.bin'), self.column(f'{name}_end')
        data, ends = self._texts[name]
        return data[int(ends[index - 1]) if index else 0:int(ends[index])]

    def name(self, index: int) -> str:
        """The ``file_name`` of an image."""
        return self.bytes_of('image_names', index).decode('utf-8', 'surrogatepass')

    def entry(self, name: str, index: int) -> dict[str, Any]:
        """An image (``'images'``) or a person (``'people'``) as in the file; a new dictionary every time."""
        return json.loads(self.bytes_of(name, index))


@functools.lru_cache(maxsize=16)
def reopen(folder: str) -> StoredFile:
    """The stored file of a folder that another process has verified.

    Raises:
        DistilPoseError: it is not there any more.
    """
    try:
        return StoredFile(folder, verify=False)
    except (Damaged, OSError) as error:
        raise DistilPoseError(f'the stored annotations in {folder} were removed or changed while they are in use '
                              f'({error}); start again, which stores them anew') from error


_OPEN: dict[Path, tuple[tuple[int, int], StoredFile]] = {}
"""Folder -> state of its header, and the verified file."""


def open_folder(folder: Path) -> StoredFile | None:
    """The stored file of a folder, verified once a process; ``None`` if there is none that is whole."""
    try:
        status = os.stat(folder / HEADER)
        state = status.st_ino, status.st_mtime_ns
        known = _OPEN.get(folder)
        if known is None or known[0] != state:
            known = _OPEN[folder] = state, StoredFile(folder)
        cache_folder.mark_used(folder)
        return known[1]
    except FileNotFoundError:
        return None
    except (Damaged, OSError) as error:
        print_log(f'Stored annotations in {folder} are not used, {error}; they are written anew', 'current',
                  logging.WARNING)
        return None


def write_folder(folder: Path, kind: str, columns: Columns) -> StoredFile | None:
    """Stores columns; returns what was stored, or ``None`` where the folder cannot be written."""
    return open_folder(folder) if cache_folder.publish(folder, lambda part: _write(part, kind, columns)) else None


def _write(folder: Path, kind: str, columns: Columns) -> None:
    arrays = dict(columns.arrays)
    for name, texts in columns.texts.items():
        arrays[f'{name}_end'] = _write_texts(folder / f'{name}.bin', texts)
    for name, array in arrays.items():
        np.save(folder / f'{name}.npy', np.ascontiguousarray(array), allow_pickle=False)
    files = {file.name: [file.stat().st_size, _crc(file)] for file in sorted(folder.iterdir())}
    header = json.dumps(dict(format=FORMAT, kind=kind, facts=columns.facts, files=files))
    (folder / HEADER).write_text(header, encoding='utf-8')


def _write_texts(file: Path, texts: Iterable[bytes]) -> np.ndarray:
    """Writes texts one after the other; returns (N,) int64 where each ends."""
    lengths = []
    with file.open('wb') as stream:
        for text in texts:
            lengths.append(len(text))
            stream.write(text)
    return np.cumsum(lengths, dtype=np.int64)


def _read_header(folder: Path) -> Header:
    if (folder / HEADER).stat().st_size > _LARGEST_HEADER:
        raise Damaged(f'{HEADER} is too large')
    try:
        header = Header(**json.loads((folder / HEADER).read_bytes()))
        files = {str(name): [int(size), int(crc)] for name, (size, crc) in header.files.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(f'{HEADER} cannot be read ({error})') from error
    if header.format != FORMAT or not isinstance(header.facts, dict) or header.kind not in KINDS:
        raise Damaged(f'its format is {header.format}, that of this version {FORMAT}')
    if any(os.sep in name or name.startswith('.') for name in files):
        raise Damaged(f'{HEADER} names files elsewhere')
    return header


def _verify(file: Path, size: int, crc: int | None) -> None:
    found = file.stat().st_size if file.is_file() else None
    if found != size:
        raise Damaged(f'{file.name} has {found} bytes and not {size}' if found is not None else f'{file.name} is gone')
    if crc is not None and _crc(file) != crc:
        raise Damaged(f'the content of {file.name} was changed')


def _check_columns(file: StoredFile) -> None:
    """Compares the columns with each other, as another program may have written them."""
    rows = dict(annotations=('image_id', 'id'), detections=('image_id', ), unusual=())[file.kind]
    missing = [*(f'{name}.npy' for name in KINDS[file.kind] if not file.has(name)),
               *(name for name in _FACTS if file.kind == 'annotations' and name not in file.facts)]
    if missing:
        raise Damaged(f'{missing[0]} is missing')
    names = [name.removesuffix('.npy') for name in file._header.files if name.endswith('.npy')]
    try:
        counts = {name: len(file.column(name)) for name in names}
        for name in names:
            expected = counts[rows[0] if name.startswith('image') else rows[-1]]
            if counts[name] != expected:
                raise Damaged(f'{name} has {counts[name]} rows and not {expected}')
            if name.endswith('_end'):
                _check_ends(file.column(name), (file.folder / f'{name.removesuffix("_end")}.bin').stat().st_size)
        if file.kind == 'annotations' and len(places := file.column('person_image')) and not (
                places.min() >= 0 and places.max() < counts['image_id']):
            raise Damaged('person_image names images that are not there')
    except (KeyError, ValueError, EOFError, FileNotFoundError, TypeError) as error:
        raise Damaged(f'its columns cannot be read ({error})') from error


def _check_ends(ends: np.ndarray, size: int) -> None:
    last = int(ends[-1]) if len(ends) else 0
    if last != size or (np.diff(ends, prepend=0) < 0).any():
        raise Damaged('texts do not follow each other')


def _crc(file: Path) -> int:
    value = 0
    with file.open('rb') as stream:
        while chunk := stream.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value


def _mapped(file: Path) -> np.ndarray:
    """A read-only array that shares the memory of the file."""
    array = np.load(file, mmap_mode='r' if file.stat().st_size > 128 else None, allow_pickle=False)
    return np.asarray(array)


def _mapped_bytes(file: Path) -> mmap.mmap | bytes:
    if not file.stat().st_size:
        return b''
    with file.open('rb') as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
