"""Images and videos to predict: files, folders and globs, with a name for the results of each."""

from __future__ import annotations

import contextlib
import glob
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

import cv2
import numpy as np

from distilpose.datasets.unlabelled_files import SUFFIXES, list_images
from distilpose.errors import DistilPoseError

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm')
"""Names of files that are taken for videos, in small or capital letters."""
_WILDCARDS = '*?['
_RATE = 25.0
_SECONDS_BETWEEN_LOOKS = 0.1
Item = TypeVar('Item')


@dataclass(frozen=True)
class InputImage:
    """An image file, or a frame of a video.

    Attributes:
        path: of the file; of a frame that of the video, followed by the frame's number.
        name: of it in the results: from the folder that was named, else the file's own.
        output: without a suffix, and no other image's; files that are written for the image are called so.
        pixels: of a frame, (H, W, 3) BGR.
        video: that a frame is of.
    """

    path: Path
    name: str
    output: PurePosixPath
    pixels: np.ndarray | None = field(default=None, repr=False)
    video: InputVideo | None = None


@dataclass(frozen=True)
class InputVideo:
    """A video file that OpenCV can open.

    Attributes:
        path: of the file.
        name: as for :class:`InputImage`.
        output: as for :class:`InputImage`; frames are called ``<output>/<number>``.
        count: frames that the file says it has.
        rate: frames a second.
    """

    path: Path
    name: str
    output: PurePosixPath
    count: int
    rate: float

    def read(self, every: int = 1) -> Iterator[InputImage]:
        """Every so manieth frame, from the first, as far as they can be read."""
        capture = cv2.VideoCapture(str(self.path))
        try:
            number = 0
            while capture.grab():
                if number % every == 0:
                    is_read, pixels = capture.retrieve()
                    if not is_read:
                        return
                    label = f'{number:06}'
                    yield InputImage(self.path / label, f'{self.name}/{label}', self.output / label, pixels, self)
                number += 1
        finally:
            capture.release()


def find_inputs(inputs: Iterable[str | Path]) -> list[InputImage | InputVideo]:
    """Finds what files, folders (images in them and in all folders below) and globs name, each once, in their order.

    Raises:
        DistilPoseError: a word names no image, or a video cannot be opened.
    """
    found: dict[Path, InputImage | InputVideo] = {}
    outputs: set[PurePosixPath] = set()
    for path, name in (pair for word in inputs for pair in _expand(word)):
        key = path.absolute()
        if key not in found:
            output = _unique(PurePosixPath(name).with_suffix(''), outputs)
            is_video = path.suffix.lower() in VIDEO_SUFFIXES
            found[key] = _open_video(path, name, output) if is_video else InputImage(path, name, output)
    return list(found.values())


def read_ahead(items: Iterable[Item], *, size: int) -> Iterator[Item]:
    """The items, so many of which a thread takes before they are asked for."""
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
        except BaseException as error:  # raised where the items are asked for
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


def _open_video(path: Path, name: str, output: PurePosixPath) -> InputVideo:
    capture = cv2.VideoCapture(str(path))
    try:
        is_readable = capture.isOpened() and capture.grab()
        count, rate = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), float(capture.get(cv2.CAP_PROP_FPS))
    finally:
        capture.release()
    if not is_readable:
        raise DistilPoseError(f'the video {path} cannot be opened: it is broken, or of a format that OpenCV does not '
                              'read; convert it, for instance with ffmpeg -i FILE out.mp4')
    return InputVideo(path, name, output, max(count, 1), rate if 0 < rate < np.inf else _RATE)


def _expand(word: str | Path) -> Iterator[tuple[Path, str]]:
    """Paths and names of what a word names."""
    path = Path(word).expanduser()
    if path.is_dir():
        try:
            names = list_images(path, path)[1]
        except DistilPoseError as error:
            raise DistilPoseError(f'the folder {path} has no images: no file in it ends with {", ".join(SUFFIXES)}'
                                  ) from error
        yield from ((path / name, name) for name in names)
    elif path.exists():
        yield path, path.name
    else:
        matches = sorted(glob.glob(str(path), recursive=True)) if set(_WILDCARDS) & set(str(word)) else []
        files = [Path(match) for match in matches
                 if match.lower().endswith((*SUFFIXES, *VIDEO_SUFFIXES)) and Path(match).is_file()]
        if not files:
            raise DistilPoseError(f'there are no images or videos {word} (looked from {Path.cwd()}); name files, '
                                  "folders, or globs such as 'folder/*.jpg'")
        yield from ((file, file.name) for file in files)


def _unique(output: PurePosixPath, taken: set[PurePosixPath]) -> PurePosixPath:
    unique, number = output, 2
    while unique in taken:
        unique, number = output.with_name(f'{output.name}_{number}'), number + 1
    taken.add(unique)
    return unique
