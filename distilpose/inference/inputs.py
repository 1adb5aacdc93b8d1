"""Images, videos and cameras to predict: files, folders and globs, with a name for the results of each."""

from __future__ import annotations

import contextlib
import glob
import itertools
import queue
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

import cv2
import numpy as np

from distilpose.datasets.unlabelled_files import SUFFIXES, files_below
from distilpose.datasets.video_frames import VIDEO_SUFFIXES, attempts_after, decode_frames, frame_count
from distilpose.errors import DistilPoseError

_WILDCARDS = '*?['
_CAMERA = re.compile(r'(?:camera:)?(\d{1,3})')
_RATE = 25.0
_ATTEMPTS_OF_CAMERA = 10
"""Frames in a row that cannot be read, after which a camera is over."""
_LATE = 1.5
"""Frames between two times of a video, from which on there is a gap."""
_NAMED_GAPS = 5
_SECONDS_BETWEEN_LOOKS = 0.1
Item = TypeVar('Item')


@dataclass(frozen=True)
class InputImage:
    """An image file, or a frame of a video.

    Attributes:
        path: of the file; of a frame that of the video, followed by the frame's number.
        name: of it in the results: from the folder that was named, else the file's own.
        output: without a suffix, and no other image's; files that are written for the image are called so.
        pixels: of a frame, (H, W, 3) BGR; ``None`` where it is broken.
        video: that a frame is of.
    """

    path: Path
    name: str
    output: PurePosixPath
    pixels: np.ndarray | None = field(default=None, repr=False)
    video: InputVideo | None = None


@dataclass(frozen=True)
class InputVideo:
    """A video file that OpenCV can open, or a camera.

    Attributes:
        path: of the file.
        name: as for :class:`InputImage`.
        output: as for :class:`InputImage`; frames are called ``<output>/<number>``.
        count: frames by the file's header; 0 where it has no such number, and of a camera.
        rate: frames a second.
        camera: number of the camera.
        notes: what was wrong with the frames, once all were read.
    """

    path: Path
    name: str
    output: PurePosixPath
    count: int
    rate: float
    camera: int | None = None
    notes: list[str] = field(default_factory=list, compare=False)

    def read(self, every: int = 1, *, skip: int = 0, is_over: threading.Event | None = None) -> Iterator[InputImage]:
        """Every so manieth frame, from the first. A frame that cannot be decoded has no pixels.

        Args:
            every: of so many frames one is read.
            skip: how many of those that would be read are left out at the beginning.
            is_over: ends a camera's frames when it is set.
        """
        capture = cv2.VideoCapture(str(self.path) if self.camera is None else self.camera)
        try:
            times = _Times(self.rate)
            number = 0
            for frame in decode_frames(capture, every, attempts=self._attempts, skip=skip, is_over=is_over):
                if frame.is_there:
                    times.add(frame.number, capture.get(cv2.CAP_PROP_POS_MSEC))
                    number = frame.number + 1
                if frame.number % every == 0 and frame.number // every >= skip:
                    yield self._frame(frame.number, frame.pixels)
            if self.camera is None and number < self.count:
                self.notes.append(f'{number} of the {self.count} frames that the file announces are there'
                                  f'{times.describe()}; it may be cut off or damaged')
        finally:
            capture.release()

    def _attempts(self, number: int) -> int:
        """Frames from this one on that may fail before the video is over."""
        return attempts_after(number, self.count) if self.camera is None else _ATTEMPTS_OF_CAMERA

    def _frame(self, number: int, pixels: np.ndarray | None) -> InputImage:
        label = f'{number:06}'
        return InputImage(self.path / label, f'{self.name}/{label}', self.output / label, pixels, self)


class _Times:
    """The times of a video's frames, and where frames are missing by them."""

    def __init__(self, rate: float) -> None:
        self._duration = 1000 / rate
        self._last: tuple[int, float] | None = None
        self._gaps: list[str] = []

    def add(self, number: int, milliseconds: float) -> None:
        """Takes note of the time of a frame."""
        if self._last is not None and len(self._gaps) < _NAMED_GAPS:
            frames = (milliseconds - self._last[1]) / self._duration - (number - self._last[0] - 1)
            if frames > _LATE:
                self._gaps.append(f'{round(frames) - 1} after frame {self._last[0]}')
        self._last = number, milliseconds

    def describe(self) -> str:
        """A sentence about where frames are missing."""
        return f' (missing: {", ".join(self._gaps)})' if self._gaps else ''


def find_inputs(inputs: Iterable[str | Path | int], *, without: Path | None = None) -> list[InputImage | InputVideo]:
    """Finds what arguments name, each once, in their order.

    Args:
        inputs: files; folders: images and videos in them and in all folders below; globs; and cameras: ``camera:0``,
            or 0 where no file is called so.
        without: a folder whose files are no inputs unless they are named, such as one of earlier results.

    Raises:
        DistilPoseError: a word names no image, or a video or camera cannot be opened.
    """
    found: dict[Path, InputImage | InputVideo] = {}
    outputs: set[PurePosixPath] = set()
    for word in inputs:
        camera = _camera(word)
        if camera is not None:
            found[Path(f'camera:{camera}')] = _open_video(
                Path(f'camera:{camera}'), f'camera:{camera}', _unique(PurePosixPath(f'camera_{camera}'), outputs),
                camera=camera)
            continue
        for path, name in _expand(str(word), without):
            key = path.absolute()
            if key not in found:
                output = _unique(PurePosixPath(name).with_suffix(''), outputs)
                is_video = path.suffix.lower() in VIDEO_SUFFIXES
                found[key] = _open_video(path, name, output) if is_video else InputImage(path, name, output)
    return list(found.values())


def read_ahead(items: Iterable[Item], *, size: int) -> Iterator[Item]:
    """The items, prefetched by a thread, so many ahead."""
    waiting: queue.Queue[tuple[bool, Item | BaseException | None]] = queue.Queue(size)
    is_over = threading.Event()

    def put(is_item: bool, value: Item | BaseException | None) -> None:
        while not is_over.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put((is_item, value), timeout=_SECONDS_BETWEEN_LOOKS)
                return

    def take() -> None:
        try:
            for item in items:
                put(True, item)
                if is_over.is_set():
                    return
            put(False, None)
        except BaseException as error:  # raised where the items are consumed
            put(False, error)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        while True:
            is_item, value = waiting.get()
            if is_item:
                yield value  # type: ignore[misc]
            elif isinstance(value, BaseException):
                raise value
            else:
                return
    finally:
        is_over.set()
        thread.join()


def _camera(word: str | Path | int) -> int | None:
    match = _CAMERA.fullmatch(str(word))
    return None if match is None or Path(str(word)).exists() else int(match[1])


def _open_video(path: Path, name: str, output: PurePosixPath, *, camera: int | None = None) -> InputVideo:
    capture = cv2.VideoCapture(str(path) if camera is None else camera)
    try:
        is_readable = capture.isOpened() and any(capture.grab() for _ in range(_ATTEMPTS_OF_CAMERA))
        count, rate = frame_count(capture), float(capture.get(cv2.CAP_PROP_FPS))
    finally:
        capture.release()
    if not is_readable and camera is not None:
        raise DistilPoseError(f'the camera {camera} cannot be opened or shows nothing: it is not there, or another '
                              'program uses it; name another number, or a video file')
    if not is_readable:
        raise DistilPoseError(f'the video {path} cannot be opened or has no frame: it is broken, or of a format that '
                              'OpenCV does not read; convert it, for instance with ffmpeg -i FILE out.mp4, or leave '
                              'it out')
    return InputVideo(path, name, output, count if camera is None else 0, rate if 0 < rate < np.inf else _RATE, camera)


def _expand(word: str, without: Path | None) -> Iterator[tuple[Path, str]]:
    """Paths and names of what a word names."""
    path = Path(word).expanduser()
    suffixes = (*SUFFIXES, *VIDEO_SUFFIXES)
    if path.is_dir():
        files = [path / name for name in sorted(files_below(path)) if name.lower().endswith(suffixes)]
        kept = _leave_out(files, path, without)
        if not kept:
            raise DistilPoseError(f'the folder {path} has no images or videos: no file in it ends with '
                                  f'{", ".join(suffixes)}')
        yield from ((file, file.relative_to(path).as_posix()) for file in kept)
    elif path.exists():
        yield path, path.name
    else:
        matches = sorted(glob.glob(str(path), recursive=True)) if set(_WILDCARDS) & set(word) else []
        files = [Path(match) for match in matches if match.lower().endswith(suffixes) and Path(match).is_file()]
        kept = _leave_out(files, Path(*itertools.takewhile(lambda part: not set(_WILDCARDS) & set(part), path.parts)),
                          without)
        if not kept:
            raise DistilPoseError(f'there are no images or videos {word} (looked from {Path.cwd()}); name files, '
                                  "folders, or globs such as 'folder/*.jpg'")
        yield from ((file, file.name) for file in kept)


def _leave_out(files: list[Path], named: Path, without: Path | None) -> list[Path]:
    """The files that are not in a folder, unless that folder itself or one in it was named."""
    if without is None or named.resolve().is_relative_to(without.resolve()):
        return files
    return [file for file in files if not file.resolve().is_relative_to(without.resolve())]


def _unique(output: PurePosixPath, taken: set[PurePosixPath]) -> PurePosixPath:
    unique, number = output, 2
    while unique in taken:
        unique, number = output.with_name(f'{output.name}_{number}'), number + 1
    taken.add(unique)
    return unique
