"""Drawing of poses over an image, with the palette of the keypoints' definition."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from distilpose.checkpoints.writing import replacing
from distilpose.errors import RunFailed

from .predictor import PosePredictions

DRAW_SCORE = 0.3
"""Keypoints of a smaller score are not drawn, unless another one is given."""
_COLOUR = (51, 153, 255)
_SUBPIXEL = 3  # bits
_THICKEST = 30  # pixels
_LIMIT = 1 << 15  # of coordinates, which OpenCV cannot draw much beyond


def draw_poses(image: np.ndarray, predictions: PosePredictions, meta: Mapping[str, Any], *,
               threshold: float = DRAW_SCORE) -> np.ndarray:
    """A copy of an image with boxes, skeletons and keypoints.

    Args:
        image: (H, W, 3) BGR.
        predictions: of the people in it.
        meta: mmpose's, of the keypoints: links and colours (RGB).
        threshold: keypoints of a smaller score are not drawn, nor links to them.
    """
    canvas = image.copy()
    person_size = np.sqrt(np.maximum(predictions.areas, 1)) if len(predictions) else np.ones(0)
    for points, scores, box, size in zip(predictions.keypoints, predictions.scores, predictions.boxes, person_size,
                                         strict=True):
        thickness = int(np.clip(round(size / 100), 1, _THICKEST))
        is_shown = scores >= threshold
        places = np.round(np.clip(points, -_LIMIT, _LIMIT) * (1 << _SUBPIXEL)).astype(int)
        corners = np.round(np.clip(box, -_LIMIT, _LIMIT)).astype(int)
        cv2.rectangle(canvas, corners[:2].tolist(), corners[2:].tolist(), (200, 200, 200), 1, cv2.LINE_AA)
        for (start, end), colour in _links(meta):
            if is_shown[start] and is_shown[end]:
                cv2.line(canvas, places[start].tolist(), places[end].tolist(), colour, thickness, cv2.LINE_AA,
                         _SUBPIXEL)
        colours = meta.get('keypoint_colors')
        for index in np.flatnonzero(is_shown):
            colour = _bgr(_COLOUR if colours is None else colours[index])
            cv2.circle(canvas, places[index].tolist(), int((thickness + 1) * (1 << _SUBPIXEL)), colour, cv2.FILLED,
                       cv2.LINE_AA, _SUBPIXEL)
    return canvas


class VideoFile:
    """An mp4 file that takes its place when it is closed.

    Args:
        file: to write.
        rate: frames a second.
        size: (width, height).

    Raises:
        RunFailed: OpenCV cannot write it.
    """

    def __init__(self, file: Path, *, rate: float, size: tuple[int, int]) -> None:
        self.file, self.size = file, size
        self._count = 0
        self._stack = ExitStack()
        self._part = self._stack.enter_context(replacing(file, suffix=file.suffix))
        self._writer = cv2.VideoWriter(str(self._part), cv2.VideoWriter.fourcc(*'mp4v'), rate, size)
        if not self._writer.isOpened():
            raise RunFailed(f'{file} cannot be written: this OpenCV has no encoder for it, or the folder cannot be '
                            'written; leave out --draw, or name another --out')

    def write(self, frame: np.ndarray) -> None:
        """Adds a frame (H, W, 3) BGR; one of another size is scaled, as a video has one size."""
        if (frame.shape[1], frame.shape[0]) != self.size:
            frame = cv2.resize(frame, self.size, interpolation=cv2.INTER_AREA)
        self._writer.write(frame)
        self._count += 1

    def close(self) -> None:
        """Completes the file.

        Raises:
            RunFailed: it is not whole: the disk is full, of which OpenCV reports nothing.
        """
        self._writer.release()
        with self._stack:
            capture = cv2.VideoCapture(str(self._part))
            found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
            capture.release()
            if found < self._count:
                raise RunFailed(f'{self.file} could not be written whole ({found} of {self._count} frames); make room, '
                                'or name another --out')


def _links(meta: Mapping[str, Any]) -> list[tuple[tuple[int, int], tuple[int, int, int]]]:
    links, colours = meta.get('skeleton_links') or [], meta.get('skeleton_link_colors')
    return [((int(start), int(end)), _bgr(_COLOUR if colours is None else colours[index]))
            for index, (start, end) in enumerate(links)]


def _bgr(rgb: Any) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rgb)
    return blue, green, red
