"""Prediction job: images are read and cropped in threads ahead of the network, and predicted in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from distilpose.errors import DistilPoseError, RunFailed

from .boxes import BoxesFile
from .images import read_image
from .inputs import InputImage
from .predictor import PosePredictions, Predictor, PreparedImage

LOOK_AHEAD = 4
"""Images that wait for the network, for each thread, beside those of a batch."""
_NAMED = 10
Detector = Callable[[np.ndarray], np.ndarray]
"""An image (H, W, 3) BGR to boxes of people (N, 5): left, top, right, bottom, score."""


@dataclass
class Summary:
    """What became of the images.

    Attributes:
        images: that were predicted.
        people: on them.
        failed: name -> why an image was not predicted.
        notes: name of a video -> what was wrong with it.
        without_boxes: images without an entry in the file of boxes.
        files: results that were written.
        remarks: sentences on the scores.
    """

    images: int = 0
    people: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    without_boxes: int = 0
    files: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def describe(self, failures: str = 'images.json') -> str:
        """Sentences for the end of the command.

        Args:
            failures: what has all that is in ``failed``.
        """
        sentences = [f'{self.people} people on {self.images} images.']
        if self.without_boxes:
            sentences.append(f'{self.without_boxes} images have no entry in the file of boxes and were left out.')
        if self.failed:
            sentences.append(f'{len(self.failed)} images could not be predicted:')
            sentences += [f'  {name}: {why}' for name, why in list(self.failed.items())[:_NAMED]]
            if len(self.failed) > _NAMED:
                sentences.append(f'  and {len(self.failed) - _NAMED} more ({failures} has all)')
        sentences += [f'{name}: {note}.' for name, note in self.notes.items()] + self.remarks
        return '\n'.join([*sentences, *(f'Written: {file}' for file in self.files)])


class Prepared(NamedTuple):
    """An image with its crops."""

    image: InputImage
    crops: PreparedImage
    pixels: np.ndarray | None
    """To draw on."""


class Failed(NamedTuple):
    """An image that could not be predicted."""

    image: InputImage
    why: str


def describe_detector(detector: Detector | None) -> str:
    """What makes a detector the same."""
    file = getattr(detector, 'file', None)
    return str(detector is not None) if file is None else f'{file} {getattr(detector, "threshold", "")}'


@dataclass
class Job:
    """From image files to predictions.

    Attributes:
        predictor: with the model.
        known: a file of boxes.
        detector: finds people where there is no such file.
        draw: whether to keep the pixels.
        adjust: changes boxes before they are predicted, given (width, height) of the image.
        failed: images that could not be predicted, and why, until they are taken.
    """

    predictor: Predictor
    known: BoxesFile | None
    detector: Detector | None
    draw: bool
    adjust: Callable[[Any, tuple[int, int]], np.ndarray] | None = None
    failed: deque[Failed] = field(default_factory=deque)

    def run(self, images: Iterator[InputImage], readers: ThreadPoolExecutor, summary: Summary, *,
            ahead: int) -> Iterator[tuple[Prepared | None, PosePredictions | None]]:
        """Predictions in the order of the images; nothing for an image that failed, which the summary names."""
        order: deque[Prepared | Failed] = deque()

        def prepared() -> Iterator[PreparedImage]:
            for image, future in _submitted(readers, self._prepare, images, ahead=ahead):
                try:
                    one = future.result()
                except RunFailed:
                    raise
                except DistilPoseError as error:
                    order.append(Failed(image, str(error)))
                    continue
                order.append(one)
                yield one.crops

        def failures() -> Iterator[tuple[None, None]]:
            while order and isinstance(order[0], Failed):
                one = order[0]
                order.popleft()
                summary.failed[one.image.name] = one.why
                self.failed.append(one)
                yield None, None

        for found in self.predictor.run(prepared()):
            yield from failures()
            one = order.popleft()
            yield (one if isinstance(one, Prepared) else None), found
        yield from failures()

    def _prepare(self, image: InputImage) -> Prepared:
        if image.video is not None and image.pixels is None:
            raise DistilPoseError('the frame cannot be decoded')
        pixels = read_image(image.path if image.pixels is None else image.pixels)
        found: Any = None
        if self.known is not None:
            name = self.known.name_of(image.path.absolute())
            if name is None:
                raise DistilPoseError(f'{self.known.path} has no entry for it')
            found = self.known.boxes[name]
        elif self.detector is not None:
            found = self.detector(pixels)
        if self.adjust is not None:
            found = self.adjust(found, pixels.shape[1::-1])
        crops = self.predictor.prepare(pixels, found, name=f'boxes of {image.name}')
        return Prepared(replace(image, pixels=None), crops, pixels if self.draw else None)


def _submitted(pool: ThreadPoolExecutor, work: Callable[[InputImage], Prepared], images: Iterator[InputImage], *,
               ahead: int) -> Iterator[tuple[InputImage, Future]]:
    """Images and their work in threads, of which no more than some are ahead."""
    waiting: deque[tuple[InputImage, Future]] = deque()
    try:
        for image in images:
            waiting.append((image, pool.submit(work, image)))
            if len(waiting) > ahead:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        for _, future in waiting:
            future.cancel()
