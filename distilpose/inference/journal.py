"""Journal of a prediction run: a line for every image, to resume an interrupted run and to write the results from."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from distilpose.checkpoints.writing import describe, disk_error, replacing
from distilpose.errors import DistilPoseError, RunFailed

from .inputs import InputImage, InputVideo
from .predictor import PosePredictions

NAME = 'unfinished.jsonl'
"""Name of the file, in the folder of the results, as long as the run is not over."""


@dataclass
class Position:
    """How far a run is.

    Attributes:
        item: output of the last image or video in the journal; empty at the beginning.
        frames: entries of it.
        is_over: whether a video was read to its end.
        images: that were predicted.
        people: on them.
        failed: name -> why an image was not predicted.
        notes: name of a video -> what was wrong with it.
    """

    item: str = ''
    frames: int = 0
    is_over: bool = False
    images: int = 0
    people: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Takes note of an entry."""
        if entry['item'] != self.item:
            self.item, self.frames, self.is_over = entry['item'], 0, False
        if 'end' in entry:
            self.is_over = True
            self.notes.update(entry['end'])
            return
        self.frames += 1
        self.failed.update(entry.get('failed') or {})
        if 'image' in entry:
            self.images += 1
            self.people += entry['image']['people']


class Journal:
    """A file with a JSON line for every image, in their order, which is on the disk when the next one is predicted.

    The first line describes the run. A line that was cut off when the process was killed is removed.

    Args:
        file: its path.
        run: what must be equal to resume: name -> value.
        resume: appends to an existing file; else it is replaced.

    Raises:
        DistilPoseError: the file is of another run, or another run is writing it.
        RunFailed: it cannot be written.
    """

    def __init__(self, file: Path, run: Mapping[str, str], *, resume: bool = False) -> None:
        self.file, self.position = file, Position()
        self._stream = file.open('ab')
        try:
            if not _try_lock(self._stream):
                raise DistilPoseError(f'another run is writing {file}; wait for its end, or name another --out')
            if not (resume and self._read(run)):
                self._stream.truncate(0)
                self._write(dict(run=run))
        except BaseException:
            self._stream.close()
            raise

    def add(self, entry: Mapping[str, Any]) -> None:
        """Writes an entry."""
        self._write(entry)
        self.position.add(entry)

    def entries(self, item: str | None = None) -> Iterator[dict[str, Any]]:
        """The entries, all or those of an item."""
        with self.file.open('rb') as stream:
            next(stream)
            for line in stream:
                entry = _parse(line)
                if entry is None:  # a signal came while it was written
                    return
                if item is None or entry['item'] == item:
                    yield entry

    def close(self, *, remove: bool) -> None:
        """Ends the writing.

        Args:
            remove: whether the run is over, and the file not needed.
        """
        self._stream.close()
        if remove:
            self.file.unlink()

    def _write(self, entry: Mapping[str, Any]) -> None:
        try:
            self._stream.write(json.dumps(entry).encode() + b'\n')
            self._stream.flush()
        except OSError as error:
            if disk_error(error) is None:
                raise
            raise RunFailed(describe(error, self.file, remedy='make room and go on with --resume')) from error

    def _read(self, run: Mapping[str, str]) -> bool:
        """Finds the position and cuts off what is not whole; whether there is a beginning."""
        size, is_begun = 0, False
        with self.file.open('rb') as stream:
            for line in stream:
                entry = _parse(line)
                if entry is None:
                    break
                size += len(line)
                if is_begun:
                    self.position.add(entry)
                else:
                    self._check(entry.get('run') or {}, run)
                    is_begun = True
        with self.file.open('rb+') as stream:
            stream.truncate(size)
        return is_begun

    def _check(self, found: Mapping[str, str], run: Mapping[str, str]) -> None:
        others = [name for name in {**found, **run} if found.get(name) != run.get(name)]
        if others:
            types = [names.get('precision', 'float32') for names in (found, run)]
            of_type = '' if types[0] == types[1] else (
                f' (it predicted in {types[0]}, and this one predicts in {types[1]}: take --fast '
                f'{types[0]})')
            raise DistilPoseError(f'the unfinished run in {self.file.parent} is not of the same '
                                  f'{", ".join(others)}{of_type}; go on with what it had, or remove {self.file}, and '
                                  'start from the beginning without --resume')


def _try_lock(stream: IO[bytes]) -> bool:
    """Whether no other run holds the lock of a file, as far as the file system has locks; ends with the process."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # there are no such locks here
        return True
    return True


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line) if line.endswith(b'\n') else None
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def poses_entry(found: PosePredictions) -> dict[str, Any]:
    """Predictions as JSON has them; they come back as they were."""
    return {name: value.tolist() for name, value in vars(found).items()}


def read_poses(entry: Mapping[str, Any], num_keypoints: int) -> PosePredictions:
    """Predictions of :func:`poses_entry`; without people, empty arrays for that number of keypoints."""
    empty = dict(keypoints=(0, num_keypoints, 2), scores=(0, num_keypoints), boxes=(0, 4), box_scores=(0,), areas=(0,))
    return PosePredictions(**{name: np.array(entry[name], np.float32) if entry[name] else np.zeros(shape, np.float32)
                              for name, shape in empty.items()})


def describe_run(model: Any, items: Sequence[InputImage | InputVideo], files: Mapping[str, Any],
                 precision: str = 'float32', **options: object) -> dict[str, str]:
    """What makes a run the same: the weights and config of the model, the inputs, other files and options.

    Other types than float32 are an entry ``precision``; journals of earlier versions have none.
    """
    images = [[str(item.path.absolute()), str(item.output), *_version(item.path)] for item in items]
    return dict(model=_digest_model(model), inputs=_digest(json.dumps(images)),
                **{name: 'none' if file is None else _digest(json.dumps([str(file), *_version(Path(file))]))
                   for name, file in files.items()},
                **({} if precision == 'float32' else dict(precision=precision)),
                **{name: str(value) for name, value in options.items()})


def _version(file: Path) -> list[int]:
    try:
        found = file.stat()
    except OSError:  # a camera has none
        return []
    return [found.st_size, found.st_mtime_ns]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_model(model: Any) -> str:
    digest = hashlib.sha256()
    cfg = getattr(model, 'cfg', None) or {}
    for part in (cfg.get('model'), (cfg.get('test_dataloader') or {}).get('dataset', {}).get('pipeline')):
        digest.update(str(part).encode())
    session = getattr(getattr(model, 'network', None), 'session', None)
    if session is not None:  # an ONNX file, whose weights are in no state dict
        digest.update(session.digest.encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def write_pieces(file: Path, pieces: Iterable[str]) -> None:
    """Writes a text file atomically, piece by piece."""
    with replacing(file) as part, part.open('w', encoding='utf-8') as stream:
        stream.writelines(pieces)


def json_list(items: Iterable[Any]) -> Iterator[str]:
    """The pieces of a list in JSON."""
    yield '['
    for index, item in enumerate(items):
        yield f'{", " if index else ""}{json.dumps(item)}'
    yield ']'
