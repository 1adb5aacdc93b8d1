"""Prediction of files, folders, videos and cameras, for ``distilpose predict``."""

from __future__ import annotations

import contextlib
import itertools
import math
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from distilpose.checkpoints.writing import remove_leftovers
from distilpose.engine.work_dir import check_writable
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.progress import tracked

from .boxes import BoxesFile, read_boxes_file
from .drawing import DRAW_SCORE
from .inputs import InputImage, InputVideo, find_inputs, read_ahead
from .job import LOOK_AHEAD, Detector, Job, Summary, describe_detector
from .journal import NAME, Journal, describe_run
from .predictor import Predictor
from .results import (
    FORMATS,
)
from .writer import Writer

THREADS = 4
"""That read and crop images, and as many that draw and write."""
Input = TypeVar('Input', InputImage, InputVideo, InputImage | InputVideo)


def predict_files(model: Any, inputs: Sequence[str | Path | int], *, out: str | Path = 'predictions',
                  boxes: str | Path | None = None, annotations: str | Path | None = None,
                  detector: Detector | None = None, format: str = 'coco', draw: bool = False,
                  batch_size: int | None = None, every: int = 1, threads: int = THREADS,
                  resume: bool = False, draw_score: float = DRAW_SCORE, fast: str = 'off') -> Summary:
    """Predicts the people on images, in videos and of cameras, and writes what was found.

    ``out`` gets ``results.json`` (COCO), ``openpose/<name>_keypoints.json`` or ``mmpose/<name>.json``; with ``draw``
    ``pictures/<name>.jpg``, and of a video ``pictures/<name>.mp4``; and ``images.json``, which has the number, name and
    size of every image, the names of the keypoints, and why images were left out. While it works, ``out`` has
    ``unfinished.jsonl``, from which ``resume`` continues. Memory does not grow with the number of images.

    Ctrl-C ends a camera's frames, and what was predicted is written as at the end of a video.

    Args:
        model: of :func:`distilpose.apis.load_model`.
        inputs: files, folders, globs and cameras, see :func:`~distilpose.inference.inputs.find_inputs`. A frame of a
            video is an image called ``clip.mp4/000012``.
        out: a folder, created where there is none; files in it are replaced, and are no inputs unless they are named.
        boxes: a file of people's boxes, see :func:`~distilpose.inference.boxes.read_boxes_file`. COCO results of an
            annotation file have its numbers of images, and the AP that ``distilpose test`` finds.
        annotations: of boxes that are a detector's results: names the images.
        detector: finds people. Without it and without ``boxes`` every image is one person.
        format: ``'coco'``, ``'openpose'`` or ``'mmpose'``.
        draw: whether to draw pictures.
        batch_size: largest number of people in a batch, see :class:`~distilpose.inference.Predictor`.
        every: of a video only every Nth frame is predicted.
        threads: that read and crop images, and as many that draw and write.
        resume: continues a run that was interrupted or killed, if there is one in ``out``.
        draw_score: keypoints of a smaller score are not drawn.
        fast: predicts with an optimised copy, see :func:`~distilpose.models.fast_copy.fast_copy`.

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
    precision = predictor.use_fast_copy(fast)
    run = describe_run(model, items, dict(boxes=boxes, annotations=annotations),
                       detector=describe_detector(detector), format=format, draw=draw and draw_score, every=every,
                       precision=precision)
    job = Job(predictor, known, detector, draw)
    journal = Journal(folder / NAME, run, resume=resume)
    writer = Writer(folder, format, job, journal, draw=draw, summary=summary, every=every,
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
        raise DistilPoseError(f'{cameras[0]} is a camera, and {known.path} has no boxes for its frames; find '
                              'people with --detector, or take --whole-image')
    if cameras and resume:
        raise DistilPoseError(f'{cameras[0]} is a camera, and its earlier frames are gone; leave out --resume')


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


def _remaining(items: Sequence[InputImage | InputVideo], every: int, writer: Writer,
               is_over: threading.Event) -> tuple[int, Iterator[InputImage]]:
    """The number of images left, about, and the images; drawn frames of an unfinished video are drawn again."""
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


def _run(job: Job, writer: Writer, images: Iterator[InputImage], summary: Summary, *, total: int | None,
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
