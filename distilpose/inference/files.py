"""Predicting files, for ``distilpose predict``: reading and writing in threads beside the network."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import cv2
import numpy as np

from distilpose.checkpoints.writing import replacing, write_atomically
from distilpose.datasets.progress import tracked
from distilpose.engine.work_dir import check_writable
from distilpose.errors import DistilPoseError, RunFailed

from .boxes import BoxesFile, read_boxes_file
from .drawing import VideoFile, draw_poses
from .images import read_image
from .inputs import InputImage, InputVideo, find_inputs, read_ahead
from .predictor import BATCH_SIZE, PosePredictions, Predictor, PreparedImage
from .results import FORMATS, Scoring, coco_people, mmpose_document, openpose_document

_THREADS = 4
_LOOK_AHEAD = 4
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
        without_boxes: images of which the file of boxes does not speak.
        files: results that were written.
    """

    images: int = 0
    people: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    without_boxes: int = 0
    files: list[Path] = field(default_factory=list)

    def describe(self) -> str:
        """Sentences for the end of the command."""
        sentences = [f'{self.people} people on {self.images} images.']
        if self.without_boxes:
            sentences.append(f'{self.without_boxes} images have no entry in the file of boxes and were left out.')
        if self.failed:
            sentences.append(f'{len(self.failed)} images could not be predicted:')
            sentences += [f'  {name}: {why}' for name, why in list(self.failed.items())[:_NAMED]]
            if len(self.failed) > _NAMED:
                sentences.append(f'  and {len(self.failed) - _NAMED} more (images.json has all)')
        return '\n'.join([*sentences, *(f'Written: {file}' for file in self.files)])


class _Prepared(NamedTuple):
    """An image whose crops are made."""

    image: InputImage
    crops: PreparedImage
    pixels: np.ndarray | None
    """To draw on."""


def predict_files(model: Any, inputs: Sequence[str | Path], *, out: str | Path = 'predictions',
                  boxes: str | Path | None = None, detector: Detector | None = None, format: str = 'coco',
                  draw: bool = False, batch_size: int = BATCH_SIZE, every: int = 1, threads: int = _THREADS) -> Summary:
    """Predicts the people on images and in videos and writes what was found.

    ``out`` gets ``results.json`` (COCO), ``openpose/<name>_keypoints.json`` or ``mmpose/<name>.json``; with ``draw``
    ``pictures/<name>.jpg``, and of a video ``pictures/<name>.mp4``; and ``images.json``, which has the number, name and
    size of every image, the names of the keypoints, and why images were left out.

    Args:
        model: of :func:`distilpose.apis.load_model`.
        inputs: files, folders and globs. A frame of a video is an image called ``clip.mp4/000012``.
        out: a folder, made where there is none; files in it are replaced.
        boxes: a file of people's boxes, see :func:`~distilpose.inference.boxes.read_boxes_file`. COCO results of an
            annotation file have its numbers of images, and the AP that ``distilpose test`` finds.
        detector: finds people. Without it and without ``boxes`` every image is one person.
        format: ``'coco'``, ``'openpose'`` or ``'mmpose'``.
        draw: whether to draw pictures.
        batch_size: largest number of people in a batch.
        every: of a video only every so manieth frame is predicted.
        threads: that read and crop images, and as many that draw and write.

    Raises:
        DistilPoseError: wrong input, found before any network runs where that is possible.
        RunFailed: no image could be predicted, a prediction is not finite, or the disk is full.
    """
    if format not in FORMATS:
        raise DistilPoseError(f'the format is {format!r}; expected one of {", ".join(FORMATS)}')
    if boxes is not None and detector is not None:
        raise DistilPoseError('boxes come from a file and from a detector; name one of the two')
    if every < 1:
        raise DistilPoseError(f'every {every}th frame is asked for; expected at least 1')
    items, known = find_inputs(inputs), None if boxes is None else read_boxes_file(boxes)
    summary = Summary()
    if known is not None:
        named = [item for item in items if isinstance(item, InputVideo) or _names(known, item)]
        summary.without_boxes = len(items) - len(named)
        if not named:
            raise DistilPoseError(f'the boxes {known.path} name none of the {len(items)} images, for instance not '
                                  f'{items[0].name}; they name {", ".join(list(known.boxes)[:3]) or "none"}')
        items = named
    folder = Path(out).expanduser()
    check_writable(folder, name='--out')
    predictor = Predictor(model, batch_size=batch_size)
    writer = _Writer(folder, format, known, predictor, draw=draw, summary=summary, every=every)
    total = sum(-(-item.count // every) if isinstance(item, InputVideo) else 1 for item in items)
    _run(_Job(predictor, known, detector, draw), writer, _frames(items, every), summary, total=total, threads=threads)
    if not summary.images:
        raise RunFailed(f'none of the {total} images could be predicted: '
                        f'{": ".join(next(iter(summary.failed.items()), ("", "no frame")))}')
    return summary


def _names(known: BoxesFile, image: InputImage) -> bool:
    return known.name_of(image.path.absolute()) is not None


def _frames(items: Sequence[InputImage | InputVideo], every: int) -> Iterator[InputImage]:
    for item in items:
        if isinstance(item, InputVideo):
            yield from item.read(every)
        else:
            yield item


def _run(job: _Job, writer: _Writer, images: Iterator[InputImage], summary: Summary, *, total: int,
         threads: int) -> None:
    """Reads, predicts and writes; what all images share is written for those that are done, whatever happens."""
    ahead = threads * _LOOK_AHEAD
    writing: deque[Future] = deque()
    try:
        with ThreadPoolExecutor(threads) as readers, ThreadPoolExecutor(threads) as writers:
            outcomes = job.run(read_ahead(images, size=ahead), readers, summary, ahead=ahead)
            for prepared, found in tracked(outcomes, total=total, description='Predicting'):
                if prepared is not None and found is not None:
                    writing.append(writers.submit(writer.write, prepared, found))
                if len(writing) > ahead:
                    writer.add_to_video(writing.popleft().result())
    finally:
        for one in writing:  # those of the last images, also after a signal
            writer.add_to_video(one.result())
        writer.finish()


@dataclass
class _Job:
    """From image files to predictions."""

    predictor: Predictor
    known: BoxesFile | None
    detector: Detector | None
    draw: bool

    def run(self, images: Iterator[InputImage], readers: ThreadPoolExecutor, summary: Summary, *,
            ahead: int) -> Iterator[tuple[_Prepared | None, PosePredictions | None]]:
        """Predictions in the order of the images; nothing for an image that failed, which the summary names."""
        order: deque[_Prepared] = deque()
        failed = 0

        def prepared() -> Iterator[PreparedImage]:
            for image, future in _submitted(readers, self._prepare, images, ahead=ahead):
                try:
                    order.append(future.result())
                except RunFailed:
                    raise
                except DistilPoseError as error:
                    summary.failed[image.name] = str(error)
                    continue
                yield order[-1].crops

        for found in self.predictor.run(prepared()):
            for _ in range(failed, len(summary.failed)):
                yield None, None
            failed = len(summary.failed)
            yield order.popleft(), found
        yield from ((None, None) for _ in range(failed, len(summary.failed)))

    def _prepare(self, image: InputImage) -> _Prepared:
        pixels = read_image(image.path if image.pixels is None else image.pixels)
        found: Any = None
        if self.known is not None:
            name = self.known.name_of(image.path.absolute())
            if name is None:
                raise DistilPoseError(f'{self.known.path} has no entry for it')
            found = self.known.boxes[name]
        elif self.detector is not None:
            found = self.detector(pixels)
        crops = self.predictor.prepare(pixels, found, name=f'boxes of {image.name}')
        return _Prepared(replace(image, pixels=None), crops, pixels if self.draw else None)


def _submitted(pool: ThreadPoolExecutor, work: Callable[[InputImage], _Prepared], images: Iterator[InputImage], *,
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


class _Writer:
    """Writes files of images in threads, and at the end those of all."""

    def __init__(self, folder: Path, format: str, known: BoxesFile | None, predictor: Predictor, *, draw: bool,
                 summary: Summary, every: int) -> None:
        self.folder, self.format, self.known, self.draw, self.summary = folder, format, known, draw, summary
        self.every, self.meta = every, predictor.meta
        names = self.meta.get('keypoint_id2name') or {}
        self.names = [names[index] for index in sorted(names)]
        self.scoring = Scoring.of(predictor.model.cfg)
        self._done: list[tuple[_Prepared, PosePredictions]] = []
        self._video: VideoFile | None = None

    def write(self, prepared: _Prepared, found: PosePredictions) -> tuple[_Prepared, PosePredictions]:
        """Writes the files of an image, and draws it; threads may do so for several."""
        image = prepared.image
        if prepared.pixels is not None:
            drawn = draw_poses(prepared.pixels, found, self.meta)
            prepared = prepared._replace(pixels=drawn)
            if image.video is None:
                with replacing(self._file('pictures', image.output, '.jpg'), suffix='.jpg') as part:
                    if not cv2.imwrite(str(part), drawn):
                        raise RunFailed(f'the picture {part} cannot be written; make room, or name another --out')
        if self.format == 'openpose':
            self._write_json('openpose', image, '_keypoints.json', openpose_document(found, self.names))
        elif self.format == 'mmpose':
            self._write_json('mmpose', image, '.json', mmpose_document(found))
        return prepared, found

    def add_to_video(self, written: tuple[_Prepared, PosePredictions]) -> None:
        """Takes note of an image, in their order, and adds a frame that was drawn to its video."""
        prepared, found = written
        video = prepared.image.video
        if self._video is not None and self._video.source is not video:
            self._close_video()
        if video is not None and prepared.pixels is not None:
            if self._video is None:
                self._video = VideoFile(self._file('pictures', video.output, '.mp4'), video,
                                        rate=video.rate / self.every, size=prepared.crops.size)
            self._video.write(prepared.pixels)
        self._done.append((prepared._replace(pixels=None), found))

    def _close_video(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None

    def finish(self) -> None:
        """Writes what all images share, of those that are done."""
        self._close_video()
        ids, summary = (self.known.ids if self.known is not None else {}), self.summary
        category = self.known.category if self.known is not None else 1
        people, entries = [], []
        for number, (prepared, found) in enumerate(self._done, start=1):
            image, (width, height) = prepared.image, prepared.crops.size
            known = self.known.name_of(image.path.absolute()) if self.known is not None else None
            image_id = ids.get(known or '', number)
            entries.append(dict(id=image_id, file_name=image.name, width=width, height=height, people=len(found),
                                output=image.output.as_posix()))
            summary.images += 1
            summary.people += len(found)
            if self.format == 'coco':
                people += coco_people(found, image_id=image_id, category_id=category, scoring=self.scoring,
                                      sigmas=self.meta.get('sigmas'))
        links = [[int(start) + 1, int(end) + 1] for start, end in self.meta.get('skeleton_links') or []]
        document = dict(images=entries, failed=summary.failed, categories=[
            dict(id=category, name='person', keypoints=self.names, skeleton=links)])
        if self.format == 'coco':
            self._write(self.folder / 'results.json', people)
        self._write(self.folder / 'images.json', document)
        summary.files += [self.folder / name for name in (self.format, 'pictures') if (self.folder / name).is_dir()]

    def _write(self, file: Path, content: Any) -> None:
        write_atomically(file, json.dumps(content) + '\n')
        self.summary.files.append(file)

    def _write_json(self, folder: str, image: InputImage, suffix: str, content: Mapping | list) -> None:
        write_atomically(self._file(folder, image.output, suffix), json.dumps(content) + '\n')

    def _file(self, folder: str, output: PurePosixPath, suffix: str) -> Path:
        file = self.folder / folder / f'{output}{suffix}'
        file.parent.mkdir(parents=True, exist_ok=True)
        return file
