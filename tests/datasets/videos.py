"""Videos small enough for a test: every frame is of one grey, ten times its number."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_video(file: Path, *, count: int = 20, size: tuple[int, int] = (64, 80)) -> Path:
    """Writes so many frames of (width, height) as Motion JPEG, which every OpenCV writes and reads."""
    file.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*'MJPG'), 25, size)
    assert writer.isOpened()
    for number in range(count):
        writer.write(np.full((*size[::-1], 3), number * 10, np.uint8))
    writer.release()
    return file


def grey(image: np.ndarray) -> int:
    """The number of the frame that an image is."""
    return round(float(image.mean()) / 10)
