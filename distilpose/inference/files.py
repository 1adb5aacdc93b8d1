"""Predicting files, for ``distilpose predict``: reading and writing in threads beside the network."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np

from distilpose.checkpoints.writing import remove_leftovers, replacing, write_atomically
from distilpose.datasets.unlabelled_files import PERSON
from distilpose.engine.work_dir import check_writable
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.progress import tracked

from .boxes import BoxesFile, read_boxes_file
from .drawing import DRAW_SCORE, VideoFile, draw_poses
from .images import read_image
from .inputs import InputImage, InputVideo, find_inputs, read_ahead
from .journal import NAME, Journal, describe_run, json_list, poses_entry, read_poses, write_pieces
from .predictor import PosePredictions, Predictor, PreparedImage
from .results import (
    FORMATS,
    Scoring,
    coco_category,
    coco_people,
    is_whole_body,
    keypoint_names,
    mmpose_document,
    openpose_document,
)

THREADS = 4
"""That read and crop images, and as many that draw and write."""
LOOK_AHEAD = 4
"""Images that wait for the network, for each thread, beside those of a batch."""
_NAMED = 10

Detector = Callable[[np.ndarray], np.ndarray]
"""An image (H, W, 3) BGR to boxes of people (N, 5): left, top, right, bottom, score."""

Input = TypeVar('Input', InputImage, InputVideo, InputImage | InputVideo)


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


class _Prepared(NamedTuple):
    """An image whose crops are made."""

    image: InputImage
    crops: PreparedImage
    pixels: np.ndarray | None
    """To draw on."""


class _Failed(NamedTuple):
    """An image that could not be predicted."""

    image: InputImage
    why: str


def predict_files(model: Any, inputs: Sequence[str | Path | int], *, out: str | Path = 'predictions',
                  boxes: str | Path | None = None, annotations: str | Path | None = None,
                  detector: Detector | None = None, format: str = 'coco', draw: bool = False,
                  batch_size: int | None = None, every: int = 1, threads: int = THREADS,
                  resume: bool = False, draw_score: float = DRAW_SCORE) -> Summary:
    """Predicts the people on images, in videos and of cameras, and writes what was found.

    ``out`` gets ``results.json`` (COCO), ``openpose/<name>_keypoints.json`` or ``mmpose/<name>.json``; with ``draw``
    ``pictures/<name>.jpg``, and of a video ``pictures/<name>.mp4``; and ``images.json``, which has the number, name and
    size of every image, the names of the keypoints, and why images were left out. While it works, ``out`` has
    ``unfinished.jsonl``, with which ``resume`` goes on. Memory does not grow with the number of images.

    Ctrl-C ends a camera's frames, and what was predicted is written as at the end of a video.

    Args:
        model: of :func:`distilpose.apis.load_model`.
        inputs: files, folders, globs and cameras, see :func:`~distilpose.inference.inputs.find_inputs`. A frame of a
            video is an image called ``clip.mp4/000012``.
        out: a folder, made where there is none; files in it are replaced, and are no inputs unless they are named.
        boxes: a file of people's boxes, see :func:`~distilpose.inference.boxes.read_boxes_file`. COCO results of an
            annotation file have its numbers of images, and the AP that ``distilpose test`` finds.
        annotations: of boxes that are a detector's results: names the images.
        detector: finds people. Without it and without ``boxes`` every image is one person.
        format: ``'coco'``, ``'openpose'`` or ``'mmpose'``.
        draw: whether to draw pictures.
        batch_size: largest number of people in a batch, see :class:`~distilpose.inference.Predictor`.
        every: of a video only every so manieth frame is predicted.
        threads: that read and crop images, and as many that draw and write.
        resume: goes on where a run that was interrupted or killed ended, if there is one in ``out``.
        draw_score: keypoints of a smaller score are not drawn.

    Raises:
        DistilPoseError: wrong input, found before any network runs where that is possible.
        RunFailed: no image could be predicted, a prediction is not finite, or the disk is full.
    """
    if format not in FORMATS:
        raise DistilPoseError(f'the format is {format!r}; expected one of {", ".join(FORMATS)}')
    check_source(boxes, detector, every=every)
    if not math.isfinite(draw_score):
        raise DistilPoseError(f'the smallest score that is drawn is {draw_score}; expected a number, such as 0.3')
    folder, summary = Path(out).expanduser(), Summary()
    known = None if boxes is None else read_boxes_file(boxes, annotations)
    items = select_named(find_inputs(inputs, without=folder), known, summary)
    cameras = [item.name for item in items if isinstance(item, InputVideo) and item.camera is not None]
    _check_cameras(cameras, items, known, resume=resume)
    predictor = Predictor(model, batch_size=batch_size)
    check_writable(folder, name='--out')
    for place in (folder, *(below for name in ('pictures', format) for below in (folder / name).glob('**/'))):
        remove_leftovers(place)
    run = describe_run(model, items, dict(boxes=boxes, annotations=annotations),
                       detector=describe_detector(detector), format=format, draw=draw and draw_score, every=every)
    job = Job(predictor, known, detector, draw)
    journal = Journal(folder / NAME, run, resume=resume)
    writer = _Writer(folder, format, job, journal, draw=draw, summary=summary, every=every,
                     draw_score=draw_score)
    with _ended_by_signals(bool(cameras)) as is_over:
        left, frames = _remaining(items, every, writer, is_over)
        _run(job, writer, frames, summary, total=None if cameras else left, threads=threads)
    if not summary.images:
        why = [*summary.failed.items(), *summary.notes.items(), ('', 'no frame')][0]
        raise RunFailed(f'none of the {len(summary.failed) or len(items)} images could be predicted: '
                        f'{": ".join(filter(None, why))}')
    return summary


def check_source(boxes: str | Path | None, detector: Detector | None, *, every: int) -> None:
    """Checks where people and frames come from.

    Raises:
        DistilPoseError: boxes of a file and of a detector, or no frame of a video.
    """
    if boxes is not None and detector is not None:
        raise DistilPoseError('boxes come from a file and from a detector; name one of the two')
    if every < 1:
        raise DistilPoseError(f'every is {every}; expected at least 1, which takes all frames of a video')


def select_named(items: Sequence[Input], known: BoxesFile | None, summary: Summary) -> list[Input]:
    """The videos, and the images with an entry in the file of boxes; the summary counts the others.

    Raises:
        DistilPoseError: nothing is left, or a name fits several images.
    """
    if known is None:
        return list(items)
    images = [item for item in items if isinstance(item, InputImage)]
    matched = known.match([(image.name, image.path.absolute()) for image in images])
    unknown = {image.output for image, name in zip(images, matched, strict=True) if name is None}
    named = [item for item in items if item.output not in unknown]
    summary.without_boxes = len(unknown)
    if not named:
        raise DistilPoseError(f'the boxes {known.path} name none of the {len(items)} images, for instance not '
                              f'{items[0].name}; they name {", ".join(list(known.boxes)[:3]) or "none"}')
    return named


def _check_cameras(cameras: Sequence[str], items: Sequence[InputImage | InputVideo], known: BoxesFile | None, *,
                   resume: bool) -> None:
    if cameras and len(items) > 1:
        raise DistilPoseError(f'{cameras[0]} is one of {len(items)} inputs; expected a camera alone, which has no end')
    if cameras and known is not None:
        raise DistilPoseError(f'{cameras[0]} is a camera, and {known.path} cannot know who will be in its frames; find '
                              'people with --detector, or take --whole-image')
    if cameras and resume:
        raise DistilPoseError(f'{cameras[0]} is a camera, and its earlier frames are gone; leave out --resume')


def describe_detector(detector: Detector | None) -> str:
    """What makes a detector the same."""
    file = getattr(detector, 'file', None)
    return str(detector is not None) if file is None else f'{file} {getattr(detector, "threshold", "")}'


@contextlib.contextmanager
def _ended_by_signals(is_live: bool) -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set instead of what they do else; the second of them does that."""
    event = threading.Event()
    if not is_live or threading.current_thread() is not threading.main_thread():
        yield event
        return

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(*_: Any) -> None:
        event.set()
        restore()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        restore()


def _remaining(items: Sequence[InputImage | InputVideo], every: int, writer: _Writer,
               is_over: threading.Event) -> tuple[int, Iterator[InputImage]]:
    """How many images are left, about, and these; of a video that was begun the drawn frames are drawn again."""
    position = writer.journal.position
    start = next((index for index, item in enumerate(items) if str(item.output) == position.item), -1)
    current = items[start] if start >= 0 else None
    if not isinstance(current, InputVideo) or position.is_over:
        rest = items[start + 1:]
        return sum(_count(item, every) for item in rest), _frames(rest, every, is_over)
    rest, done = items[start + 1:], position.frames
    if writer.draw:
        begun = current.read(every)
        writer.draw_again(current, tracked(itertools.islice(begun, done), total=done, description='Drawing again'))
    else:
        begun = current.read(every, skip=done)
        writer.video = current
    left = max(_count(current, every) - done, 0) + sum(_count(item, every) for item in rest)
    return left, itertools.chain(begun, _frames(rest, every, is_over))


def _count(item: InputImage | InputVideo, every: int) -> int:
    return max(-(-item.count // every), 1) if isinstance(item, InputVideo) else 1


def _frames(items: Sequence[InputImage | InputVideo], every: int, is_over: threading.Event) -> Iterator[InputImage]:
    for item in items:
        if isinstance(item, InputVideo):
            yield from item.read(every, is_over=is_over)
        else:
            yield item


def _run(job: Job, writer: _Writer, images: Iterator[InputImage], summary: Summary, *, total: int | None,
         threads: int) -> None:
    """Reads, predicts and writes; what all images share is written for those that are done, whatever happens."""
    ahead = threads * LOOK_AHEAD
    writing: deque[Future] = deque()
    is_recording = False

    def record(left: int) -> None:
        nonlocal is_recording
        while len(writing) > left:
            is_recording = True
            writer.record(*writing.popleft().result())
            is_recording = False

    try:
        with ThreadPoolExecutor(threads) as readers, ThreadPoolExecutor(threads) as writers:
            outcomes = job.run(read_ahead(images, size=ahead), readers, summary, ahead=ahead)
            for prepared, found in tracked(outcomes, total=total, description='Predicting'):
                writing.append(writers.submit(writer.write, prepared, found))
                record(ahead)
        record(0)
    except BaseException:
        with contextlib.suppress(RunFailed, OSError):  # the disk may be full, which is what ended it
            if not is_recording:  # else one is missing, and those after it must not be in the journal
                record(0)  # of the last images, also after a signal
            writer.finish(is_over=False)
        raise
    writer.finish(is_over=True)


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
    failed: deque[_Failed] = field(default_factory=deque)

    def run(self, images: Iterator[InputImage], readers: ThreadPoolExecutor, summary: Summary, *,
            ahead: int) -> Iterator[tuple[_Prepared | None, PosePredictions | None]]:
        """Predictions in the order of the images; nothing for an image that failed, which the summary names."""
        order: deque[_Prepared | _Failed] = deque()

        def prepared() -> Iterator[PreparedImage]:
            for image, future in _submitted(readers, self._prepare, images, ahead=ahead):
                try:
                    one = future.result()
                except RunFailed:
                    raise
                except DistilPoseError as error:
                    order.append(_Failed(image, str(error)))
                    continue
                order.append(one)
                yield one.crops

        def failures() -> Iterator[tuple[None, None]]:
            while order and isinstance(order[0], _Failed):
                one = order[0]
                order.popleft()
                summary.failed[one.image.name] = one.why
                self.failed.append(one)
                yield None, None

        for found in self.predictor.run(prepared()):
            yield from failures()
            one = order.popleft()
            yield (one if isinstance(one, _Prepared) else None), found
        yield from failures()

    def _prepare(self, image: InputImage) -> _Prepared:
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
    """Writes files of images in threads, the journal in their order, and at the end what all images share."""

    def __init__(self, folder: Path, format: str, job: Job, journal: Journal, *, draw: bool, summary: Summary,
                 every: int, draw_score: float) -> None:
        self.folder, self.format, self.job, self.known, self.draw = folder, format, job, job.known, draw
        self.draw_score = draw_score
        self.journal, self.summary, self.every, self.meta = journal, summary, every, job.predictor.meta
        self.names = keypoint_names(self.meta)
        self.cfg = job.predictor.model.cfg
        self.video: InputVideo | None = None
        self._drawn: VideoFile | None = None
        summary.failed.update(journal.position.failed)

    def write(self, prepared: _Prepared | None,
              found: PosePredictions | None) -> tuple[_Prepared | None, PosePredictions | None]:
        """Writes the files of an image, and draws it; threads may do so for several."""
        if prepared is None or found is None:
            return prepared, found
        image = prepared.image
        if prepared.pixels is not None:
            drawn = draw_poses(prepared.pixels, found, self.meta, threshold=self.draw_score)
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

    def record(self, prepared: _Prepared | None, found: PosePredictions | None) -> None:
        """Takes note of an image, in their order, and adds a frame that was drawn to its video."""
        if prepared is None or found is None:
            image, why = self.job.failed.popleft()
            self._begin(image)
            self.journal.add(dict(item=_item(image), failed={image.name: why}))
            return
        image, (width, height) = prepared.image, prepared.crops.size
        self._begin(image)
        if image.video is not None and prepared.pixels is not None:
            self._add_to_video(image.video, prepared.pixels)
        name = None if self.known is None else self.known.name_of(image.path.absolute())
        ids = {} if self.known is None else self.known.ids
        entry = dict(id=ids.get(name or '', self.journal.position.images + 1), file_name=image.name, width=width,
                     height=height, people=len(found), output=image.output.as_posix())
        kinds = {} if self.known is None else self.known.kinds
        self.journal.add(dict(item=_item(image), image=entry, poses=poses_entry(found),
                              **(dict(kinds=kinds[name]) if name in kinds else {})))

    def draw_again(self, video: InputVideo, frames: Iterable[InputImage]) -> None:
        """Draws frames that were predicted before an interruption, of which the journal knows."""
        self.video = video
        for frame, entry in zip(frames, self.journal.entries(str(video.output)), strict=False):
            if 'poses' in entry and frame.pixels is not None:
                self._add_to_video(video, draw_poses(frame.pixels, self._poses(entry), self.meta,
                                                     threshold=self.draw_score))

    def _begin(self, image: InputImage) -> None:
        if self.video is not None and self.video is not image.video:
            self._end_video(is_over=True)
        self.video = image.video

    def _add_to_video(self, video: InputVideo, pixels: np.ndarray) -> None:
        if self._drawn is None:
            self._drawn = VideoFile(self._file('pictures', video.output, '.mp4'), rate=video.rate / self.every,
                                    size=(pixels.shape[1], pixels.shape[0]))
        self._drawn.write(pixels)

    def _end_video(self, *, is_over: bool) -> None:
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None
        if self.video is not None and is_over:
            notes = {self.video.name: '; '.join(self.video.notes)} if self.video.notes else {}
            self.journal.add(dict(item=str(self.video.output), end=notes))
        self.video = None

    def finish(self, *, is_over: bool) -> None:
        """Writes what all images share, of those that are done.

        Args:
            is_over: whether these are all images; else the run can be resumed.
        """
        self._end_video(is_over=is_over)
        position, summary = self.journal.position, self.summary
        summary.images, summary.people = position.images, position.people
        summary.failed, summary.notes = position.failed, position.notes
        if self.format == 'coco':
            self._write('results.json', json_list(self._people()))
        self._write('images.json', self._document(is_over))
        summary.remarks += self._hidden() if self.draw else []
        self.journal.close(remove=is_over)
        summary.files += [self.folder / name for name in (self.format, 'pictures') if (self.folder / name).is_dir()]

    def _hidden(self) -> list[str]:
        """A sentence where most keypoints are not drawn, so that empty pictures are not taken for no people."""
        count, hidden = 0, 0
        for entry in self.journal.entries():
            scores = np.array(entry['poses']['scores'] if 'poses' in entry else [], np.float32)
            count, hidden = count + scores.size, hidden + int((scores < self.draw_score).sum())
        return [] if 2 * hidden <= count else [
            f'{hidden} of {count} keypoints have a score below {self.draw_score:g} and are not drawn; a smaller '
            '--draw-score draws more.']

    def _people(self) -> Iterator[dict[str, Any]]:
        scoring, split = Scoring.of(self.cfg), is_whole_body(self.cfg, self.meta)
        for entry in self.journal.entries():
            if 'image' in entry:
                yield from coco_people(self._poses(entry), image_id=entry['image']['id'], scoring=scoring, split=split,
                                       sigmas=self.meta.get('sigmas'),
                                       category_id=entry.get('kinds') or next(iter(self._categories)))

    def _document(self, is_over: bool) -> Iterator[str]:
        rest = dict(failed=self.summary.failed, notes=self.summary.notes, finished=is_over, categories=[
            coco_category(self.meta, number, name) for number, name in self._categories.items()])
        yield '{"images": '
        yield from json_list(entry['image'] for entry in self.journal.entries() if 'image' in entry)
        yield f', {json.dumps(rest)[1:]}'

    @property
    def _categories(self) -> dict[int, str]:
        return {PERSON: 'person'} if self.known is None else self.known.categories

    def _poses(self, entry: Mapping[str, Any]) -> PosePredictions:
        return read_poses(entry['poses'], self.job.predictor.num_keypoints)

    def _write(self, name: str, pieces: Iterator[str]) -> None:
        write_pieces(self.folder / name, itertools.chain(pieces, '\n'))
        self.summary.files.append(self.folder / name)

    def _write_json(self, folder: str, image: InputImage, suffix: str, content: Mapping | list) -> None:
        write_atomically(self._file(folder, image.output, suffix), json.dumps(content) + '\n')

    def _file(self, folder: str, output: PurePosixPath, suffix: str) -> Path:
        file = self.folder / folder / f'{output}{suffix}'
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True, exist_ok=True)
        return file


def _item(image: InputImage) -> str:
    return str(image.output if image.video is None else image.video.output)
