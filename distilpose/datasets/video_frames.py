"""Frame extraction of videos to image files, which data sets read in any order and in worker processes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from distilpose.checkpoints.writing import describe, disk_error, write_atomically
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.progress import tracked

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm')
"""Suffixes of video files, in lower or upper case."""
EVERY = 10
"""Default interval of frames: one in so many is an image."""
_FACTS = 'frames.json'
_QUALITY = 95  # of JPEG
_ATTEMPTS = 500
"""Frames in a row that cannot be decoded, after which a video is over."""
_MOST_FRAMES = 1 << 40
"""Frame counts above it, or below 0, are those of files without one."""
_LOOKED_AT = 1 << 16  # bytes at the beginning and at the end of a video


class VideoFrames(NamedTuple):
    """The images of a video."""

    names: list[str]
    """``'<name of the video>/<number of the frame>.jpg'``, in order."""
    broken: int
    """Frames that should be images and could not be decoded, and frames that the header counts and the file lacks."""


def is_video(name: str | Path) -> bool:
    """Whether a file has the suffix of a video."""
    return str(name).lower().endswith(VIDEO_SUFFIXES)


def extract_frames(video: Path, folder: Path, *, name: str, every: int = EVERY) -> VideoFrames:
    """Writes every N-th frame of a video (``every``) as a JPEG file of quality 95, or finds existing ones.

    Frame 120 of ``clip.mp4`` becomes ``<folder>/clip.mp4/000120.jpg``, whatever ``every`` is. The frames of a video
    appear all at once; of several processes one reads the video, and the others wait.

    Args:
        video: the file.
        folder: of the frames; made where there is none.
        name: of the video there, for instance its path from a folder of videos.
        every: 1 for all frames.

    Raises:
        DistilPoseError: the video cannot be opened, or its place has frames of another video or another ``every``.
        RunFailed: the frames cannot be written.
    """
    if every < 1:
        raise DistilPoseError(f'every is {every} for {video}; expected at least 1')
    if not video.is_file():
        raise _unreadable(video)
    place = folder / name
    facts = dict(every=every, bytes=video.stat().st_size, ends=_digest_ends(video))
    found = _read(place, facts, name=name)
    if found is not None:
        return found
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _locked(place.parent):
            return _read(place, facts, name=name) or _write(video, place, facts, name=name)
    except OSError as error:
        cause = disk_error(error)
        if cause is None:
            raise
        raise RunFailed(describe(cause, place)) from error


def _read(place: Path, facts: dict[str, Any], *, name: str) -> VideoFrames | None:
    """The frames that are there, ``None`` where there are none."""
    if not place.exists():
        return None
    try:
        stored = json.loads((place / _FACTS).read_text(encoding='utf-8'))
        if {key: stored[key] for key in facts} == facts:
            return VideoFrames([f'{name}/{file}' for file in sorted(os.listdir(place)) if file != _FACTS],
                               stored['broken'])
        reason = f'has one frame in {stored["every"]} of a video of {stored["bytes"]} bytes'
        if stored['bytes'] == facts['bytes'] and stored['ends'] != facts['ends']:
            reason += ' with another content'
    except (OSError, ValueError, LookupError, TypeError):
        reason = f'has no valid {_FACTS}'
    raise DistilPoseError(f'{place} {reason}; expected one in {facts["every"]} of one of {facts["bytes"]} bytes. '
                          'Remove it, or name another folder for the frames')


def _digest_ends(video: Path) -> str:
    """Digest of beginning and end, which distinguishes videos of one size without reading them fully."""
    try:
        with video.open('rb') as stream:
            begin = stream.read(_LOOKED_AT)
            stream.seek(max(video.stat().st_size - _LOOKED_AT, 0))
            return hashlib.sha256(begin + stream.read(_LOOKED_AT)).hexdigest()
    except OSError as error:
        raise _unreadable(video) from error


def _write(video: Path, place: Path, facts: dict[str, Any], *, name: str) -> VideoFrames:
    partial = place.with_name(f'.{place.name}.{os.getpid()}.part')
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        written, broken = _decode(video, partial, every=facts['every'])
        if not written:
            raise _unreadable(video)
        write_atomically(partial / _FACTS, json.dumps(dict(facts, broken=broken)) + '\n')
        try:
            partial.rename(place)
        except OSError:
            if not place.is_dir():  # another process, on another machine, was faster
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return VideoFrames([f'{name}/{file}' for file in written], broken)


def _decode(video: Path, folder: Path, *, every: int) -> tuple[list[str], int]:
    """Names of the frames that were written, and how many could not be."""
    capture = cv2.VideoCapture(str(video))
    try:
        if not capture.isOpened():
            raise _unreadable(video)
        declared = frame_count(capture)
        written: list[str] = []
        number = 0
        frames = decode_frames(capture, every, attempts=lambda number: attempts_after(number, declared))
        for number, _, pixels in tracked(frames, total=declared, description=f'Reading {video.name}', unit='frames'):
            if pixels is not None:
                file = folder / f'{number:06}.jpg'
                if not cv2.imwrite(str(file), pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
                    raise RunFailed(f'the frame {file} cannot be written; make room, or name another folder for the '
                                    'frames')
                written.append(file.name)
    finally:
        capture.release()
    count = max(declared, number + 1 if written else 0)
    return written, -(-count // every) - len(written)


class Frame(NamedTuple):
    """A frame of a video."""

    number: int
    is_there: bool
    """False for damaged frames that the decoder skipped."""
    pixels: cv2.typing.MatLike | None
    """(H, W, 3) BGR; ``None`` for frames in between, and those that cannot be decoded."""


def decode_frames(capture: cv2.VideoCapture, every: int, *, attempts: Callable[[int], int],
                  skip: int = 0, is_over: threading.Event | None = None) -> Iterator[Frame]:
    """All frames of a video, with the pixels of every N-th.

    Args:
        capture: the video, at its first frame.
        every: N, the interval of frames with pixels.
        attempts: number of a frame -> frames from there that may fail in a row before the video is over; decoders go on
            after a damaged one.
        skip: how many of the frames with pixels are left without at the beginning.
        is_over: ends the frames when it is set.
    """
    number, broken = 0, 0
    while not (is_over is not None and is_over.is_set()) and broken < attempts(number):
        if not capture.grab():
            broken += 1
            continue
        yield from (Frame(lost, False, None) for lost in range(number, number + broken))
        number, broken = number + broken, 0
        is_selected = number % every == 0 and number // every >= skip
        is_read, pixels = capture.retrieve() if is_selected else (False, None)
        yield Frame(number, True, pixels if is_read else None)
        number += 1


def frame_count(capture: cv2.VideoCapture) -> int:
    """Number of frames in the header of a file; 0 if unknown."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < _MOST_FRAMES else 0


def attempts_after(number: int, count: int) -> int:
    """Frames from a number on that may fail in a row in a file of so many frames."""
    return min(max(count - number, 1), _ATTEMPTS)


def _unreadable(video: Path) -> DistilPoseError:
    return DistilPoseError(f'the video {video} cannot be read: it is broken, or of a format that OpenCV does not read; '
                           'convert it, for instance with ffmpeg -i FILE out.mp4, or leave it out')


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder of frames, as far as the file system has locks; ends with the process."""
    with (folder / '.lock').open('a') as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
