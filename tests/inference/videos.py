"""Videos for tests: whole, damaged, and a camera that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

SIZE = 60, 80


def write(file: Path, count: int, codec: str = 'mp4v', rate: float = 10) -> Path:
    """Frames of grey that grows lighter, with noise; skips the test where OpenCV writes no videos."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*codec), rate, SIZE)
    if not writer.isOpened():
        pytest.skip('this OpenCV writes no videos')
    generator = np.random.default_rng(0)
    for number in range(count):
        frame = np.full((*SIZE[::-1], 3), 20 + 200 * number // max(count, 1), np.uint8)
        writer.write(frame + generator.integers(0, 20, frame.shape, dtype=np.uint8))
    writer.release()
    return file


def damage(file: Path, *places: float, size: int = 300) -> Path:
    """Overwrites some bytes at shares of a file with noise."""
    content, generator = bytearray(file.read_bytes()), np.random.default_rng(1)
    for place in places:
        start = int(len(content) * place)
        content[start:start + size] = generator.integers(0, 255, size, dtype=np.uint8).tobytes()
    file.write_bytes(content)
    return file


def read(file: Path) -> list[np.ndarray]:
    """All frames."""
    capture, frames = cv2.VideoCapture(str(file)), []
    while (found := capture.read())[0]:
        frames.append(found[1])
    capture.release()
    return frames


class Camera:
    """In the place of ``cv2.VideoCapture`` of a camera; files are opened as ever."""

    original: ClassVar[Any] = cv2.VideoCapture
    frames: ClassVar[int] = 1 << 20
    on_frame: ClassVar[Any] = None

    def __new__(cls, source: Any) -> Any:
        """A camera where a number is opened."""
        return super().__new__(cls) if isinstance(source, int) else cls.original(source)

    def __init__(self, source: Any) -> None:
        self.source, self.number = source, 0

    def isOpened(self) -> bool:  # noqa: N802
        return self.source == 0

    def get(self, prop: int) -> float:
        return {cv2.CAP_PROP_FRAME_COUNT: -1.0, cv2.CAP_PROP_FPS: 10.0}.get(prop, 0.0)

    def grab(self) -> bool:
        self.number += 1
        if self.on_frame is not None and self.number > 1:
            type(self).on_frame(self.number)
        return self.number <= self.frames

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.full((*SIZE[::-1], 3), self.number % 256, np.uint8)

    def release(self) -> None:
        pass
