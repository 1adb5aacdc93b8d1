"""Person detection with an ONNX file of YOLOX or RTMDet, as mmdeploy and the authors of YOLOX export them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmpose.evaluation.functional import nms

from distilpose.distillation.teachers.onnx.session import OnnxSession, Port
from distilpose.errors import DistilPoseError

from .devices import find_device

KINDS = ('yolox', 'rtmdet')
_PIXELS = dict(yolox=((0, 0, 0), (1, 1, 1)), rtmdet=((103.53, 116.28, 123.675), (57.375, 57.12, 58.395)))
"""Kind -> mean and standard deviation of its BGR pixels."""
_GREY, _STRIDES = 114, (8, 16, 32)
_PERSON, _CORNERS = 0, 5


class OnnxDetector:
    """Finds people on an image; threads may share it.

    The image fills the upper left of the network's input and keeps its proportions; the rest is grey. Two kinds of
    outputs are read: boxes after non-maximum suppression, (1, N, 5) left, top, right, bottom, score, perhaps with
    labels (1, N), of which 0 is a person; and YOLOX's raw (1, A, 5 + classes), the first class being the person.

    Args:
        file: the graph.
        kind: ``'yolox'``, which takes pixels, or ``'rtmdet'``, which takes normalised ones. ``None``: by the outputs
            or the file's name.
        size: (width, height) of its input, where the graph leaves it open.
        threshold: boxes with a smaller score are left out.
        overlap: of raw outputs: of two boxes with a larger intersection over union the better one is kept.
        device: where it runs.

    Raises:
        DistilPoseError: there is no such file, it is no such graph, its kind or size is unknown, or
            there is no such device.
    """

    def __init__(self, file: str | Path, *, kind: str | None = None, size: tuple[int, int] | None = None,
                 threshold: float = 0.3, overlap: float = 0.45, device: str = 'cpu') -> None:
        self.file = Path(file).expanduser()
        if not self.file.is_file():
            raise DistilPoseError(f'the detector {self.file} does not exist (looked from {Path.cwd()})')
        if kind is not None and kind not in KINDS:
            raise DistilPoseError(f'the kind of the detector is {kind!r}; expected one of {", ".join(KINDS)}')
        self.session, self.device = OnnxSession(self.file), find_device(device)
        self.threshold, self.overlap = threshold, overlap
        self.size = self._find_size(size)
        self.boxes, self.labels = self._find_outputs(self.session.outputs)
        mean, std = _PIXELS[kind or self._find_kind()]
        self._mean, self._std = np.array(mean, np.float32), np.array(std, np.float32)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Boxes of people.

        Args:
            image: (H, W, 3) BGR uint8.

        Returns:
            (N, 5) left, top, right, bottom in pixels of the image, score; the best first.
        """
        pixels, ratio = _letterbox(image, self.size)
        images = ((pixels.astype(np.float32) - self._mean) / self._std).transpose(2, 0, 1)[None]
        ports = [self.boxes] if self.labels is None else [self.boxes, self.labels]
        found = [value.float().cpu().numpy()[0] for value in self.session.run_open(
            torch.from_numpy(np.ascontiguousarray(images)).to(self.device), ports)]
        boxes = self._decode(found[0]) if found[0].shape[1] > _CORNERS else found[0]
        if self.labels is not None:
            boxes = boxes[found[1] == _PERSON]
        boxes = boxes[boxes[:, 4] > self.threshold]
        boxes[:, :4] = np.clip(boxes[:, :4] / ratio, 0, np.array(image.shape[1::-1] * 2))
        boxes = boxes[(boxes[:, 2:4] > boxes[:, :2]).all(axis=1)]
        return boxes[np.argsort(-boxes[:, 4], kind='stable')]

    def _decode(self, rows: np.ndarray) -> np.ndarray:
        """Raw rows (A, 5 + classes) to the people among them (N, 5), without those that overlap."""
        cells = _cells(self.size)
        if len(cells) != len(rows):
            raise DistilPoseError(f'{self.file} shows {len(rows)} boxes for an input of {self.size[0]}x{self.size[1]}, '
                                  f'and YOLOX has {len(cells)} there; name another size of its input')
        scores = rows[:, 4] * rows[:, _CORNERS + _PERSON]
        is_person = (scores > self.threshold) & (rows[:, _CORNERS:].argmax(axis=1) == _PERSON)
        rows, cells, scores = rows[is_person], cells[is_person], scores[is_person]
        centers, sides = (rows[:, :2] + cells[:, :2]) * cells[:, 2:], np.exp(rows[:, 2:4]) * cells[:, 2:]
        boxes = np.concatenate([centers - sides / 2, centers + sides / 2, scores[:, None]], axis=1)
        return boxes[nms(boxes, self.overlap)] if len(boxes) else boxes

    def _find_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        shape = self.session.input.shape
        if len(shape) != 4 or shape[1] not in (3, None):
            raise DistilPoseError(f'{self.file} takes {shape}; expected images (1, 3, height, width)')
        height, width = shape[2:]
        if width is not None and height is not None:
            return width, height
        if size is None:
            raise DistilPoseError(f'{self.file} takes images of any size; name the one it was trained with '
                                  '(--detector-size 640)')
        return size

    def _find_outputs(self, ports: Sequence[Port]) -> tuple[Port, Port | None]:
        boxes = [port for port in ports if len(port.shape) == 3 and (port.shape[2] or _CORNERS) >= _CORNERS]
        labels = [port for port in ports if len(port.shape) == 2]
        if len(boxes) != 1 or len(labels) > 1:
            shapes = ', '.join(f'{port.name} {port.shape}' for port in ports)
            raise DistilPoseError(f'{self.file} shows {shapes}; expected boxes (1, N, 5), perhaps with labels (1, N), '
                                  "or YOLOX's (1, A, 5 + classes)")
        return boxes[0], next(iter(labels), None)

    def _find_kind(self) -> str:
        if (self.boxes.shape[2] or 0) > _CORNERS:
            return 'yolox'
        named = [kind for kind in KINDS if kind in self.file.name.lower()]
        if len(named) != 1:
            raise DistilPoseError(f'{self.file} has no sign of whether it takes pixels (yolox) or normalised ones '
                                  '(rtmdet); add --detector-kind yolox or --detector-kind rtmdet')
        return named[0]


def _letterbox(image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """The image at the upper left of a grey one of another size, and how much smaller it is there."""
    (height, width), (columns, rows) = image.shape[:2], size
    ratio = min(columns / width, rows / height)
    inner = max(int(width * ratio), 1), max(int(height * ratio), 1)
    pixels = np.full((rows, columns, 3), _GREY, np.uint8)
    pixels[:inner[1], :inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    return pixels, ratio


def _cells(size: tuple[int, int]) -> np.ndarray:
    """(A, 3) column, row and stride of YOLOX's cells."""
    grids = []
    for stride in _STRIDES:
        rows, columns = np.mgrid[:size[1] // stride, :size[0] // stride]
        grids.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride)], axis=1))
    return np.concatenate(grids)
