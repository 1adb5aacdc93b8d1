"""Pseudo-labels: a teacher's predictions as a COCO keypoint annotation file, for ``distilpose label``."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log

from distilpose.checkpoints.writing import write_atomically
from distilpose.config import is_hugging_face, weights_of
from distilpose.datasets.unlabelled_files import PERSON, list_images
from distilpose.datasets.video_frames import EVERY, extract_frames, is_video
from distilpose.distillation.teacher_report.predictions import AREA_OF_BOX
from distilpose.distillation.teachers import teacher_input
from distilpose.distillation.teachers.resolving import resolve_teacher, teacher_name
from distilpose.engine.launch import load_and_change
from distilpose.engine.work_dir import check_writable
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.progress import tracked

from .boxes import check_boxes, read_boxes_file
from .files import THREADS, check_source, select_named
from .inputs import InputImage, find_inputs, read_ahead
from .job import LOOK_AHEAD, Detector, Job, Summary, describe_detector
from .journal import NAME, Journal, describe_run, poses_entry, read_poses
from .loading import load_model
from .predictor import PosePredictions, Predictor
from .results import coco_category

THRESHOLD = 0.3
"""Joints of a smaller score are not labelled, unless another threshold is given."""
SCORES = 'keypoint_scores'
"""Entry of an annotation: the teacher's score of every joint."""
_ABOVE_ONE = 1.001  # maps that are interpolated reach a little above their peak
_LABELLED = 2


def load_teacher_model(teacher: str | Path, checkpoint: str | Path | None = None, device: str = 'cpu', *,
                       options: Mapping[str, Any] | None = None) -> Any:
    """The teacher as an estimator that predicts, see :func:`distilpose.apis.load_model`.

    Args:
        teacher: an ONNX file, a preset, a config, or a folder of Hugging Face, see
            :func:`~distilpose.distillation.teachers.resolving.resolve_teacher`.
        checkpoint: weights of a config, or the file of a preset.
        device: where it runs.
        options: dotted key -> value, put into the config; of an ONNX file ``model.input.mean`` and so on describe it.

    Raises:
        DistilPoseError: there is no such teacher, or it does not name its keypoints.
    """
    spec, notes = resolve_teacher(teacher, checkpoint)
    given = dict(options or {})
    if spec.get('type') == 'OnnxTeacher':
        preset = {} if spec.get('preset') is None else {'model.preset': spec['preset']}
        model = load_model(spec['file'], device=device, options=preset | given)
    else:
        for note in notes:
            print_log(note, 'current', logging.INFO)
        model = load_model(_with_crops(load_and_change(spec['config'], options=given)[0], spec),
                           spec.get('checkpoint') or weights_of(spec['config']), device)
        if model.dataset_meta is None:
            model.dataset_meta = getattr(model, 'metainfo', None)
    if not (model.dataset_meta or {}).get('keypoint_id2name'):
        raise DistilPoseError(f'{teacher} does not name its keypoints, and labels need names; add --cfg-options '
                              'model.keypoints=SET (coco, wholebody, halpe26, mpii, ...)')
    return model


def _with_crops(cfg: Config, spec: Mapping[str, Any]) -> Config:
    """A config with the crops of people; that of a Hugging Face folder has only the image size of its network."""
    if cfg.get('test_dataloader') or cfg.get('val_dataloader') or not is_hugging_face(str(spec['config'])):
        return cfg
    images = teacher_input(spec)
    steps = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=images.padding),
             dict(type='TopdownAffine', input_size=images.size, use_udp=images.udp), dict(type='PackPoseInputs')]
    cfg.test_dataloader = dict(dataset=dict(pipeline=steps))
    cfg.default_scope = 'mmpose'
    return cfg


def label_files(model: Any, inputs: Sequence[str | Path], *, out: str | Path, boxes: str | Path | None = None,
                annotations: str | Path | None = None, detector: Detector | None = None,
                threshold: float | None = THRESHOLD, batch_size: int | None = None,
                every: int = EVERY, threads: int = THREADS, teacher: str | Path = 'a teacher',
                resume: bool = False, fast: str = 'off') -> Summary:
    """Writes a teacher's predictions as COCO keypoint annotations.

    A joint has the visibility 2, and 0 where its score is below the threshold, when it is at (0, 0) as COCO has
    it. ``keypoint_scores`` of every annotation are the scores of all joints. Boxes are clipped to the image and rounded
    as a data set reads them, before they are predicted: the teacher predicts the same again on its labels.

    The file is written whole at the end. While it works, ``<out>.unfinished.jsonl`` beside it has a line for every
    image, from which ``resume`` continues.

    Args:
        model: of :func:`load_teacher_model`.
        inputs: files, folders and globs.
        out: the file, which must not exist.
        boxes: a file of people's boxes, see :func:`~distilpose.inference.boxes.read_boxes_file`; numbers of images are
            those of an annotation file.
        annotations: names the images of boxes that are a detector's results.
        detector: finds people. Without it and without ``boxes`` every image is one person.
        threshold: joints of a smaller score are not labelled; ``None`` labels all joints, whose scores are the
            teacher's certainty.
        batch_size: largest number of people in a batch, see :class:`~distilpose.inference.Predictor`.
        every: of videos every so manieth frame is labelled. They are written to the folder ``<out>_frames`` and are
            called ``clip.mp4/000120.jpg`` (:func:`~distilpose.datasets.video_frames.extract_frames`).
        threads: that read and crop images.
        teacher: what to call the teacher in the file.
        resume: continues a run that was interrupted or killed, if there is one. The file is that of an
            undisturbed run.
        fast: predicts with an optimised copy, see :func:`~distilpose.models.fast_copy.fast_copy`.

    Raises:
        DistilPoseError: wrong input, found before any network runs where that is possible.
        RunFailed: no image could be labelled, a prediction is not finite, or the disk is full.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise DistilPoseError(f'the threshold is {threshold}; expected a score from 0 to 1')
    check_source(boxes, detector, every=every)
    file = _free(out)
    if not resume:
        _refuse_unfinished(unfinished(file))
    known, summary = None if boxes is None else read_boxes_file(boxes, annotations), Summary()
    frames = file.absolute().with_name(f'{file.stem}_frames')
    images = select_named(_find_images(inputs, frames, every=every, summary=summary), known, summary)
    root = _common_folder(inputs, images, frames)
    predictor = Predictor(model, batch_size=batch_size)
    precision = predictor.use_fast_copy(fast)
    job = Job(predictor, known, detector, draw=False, adjust=as_read_back)
    journal = Journal(unfinished(file), describe_run(
        model, images, dict(boxes=boxes, annotations=annotations), detector=describe_detector(detector),
        precision=precision), resume=resume)
    try:
        _predict(job, journal, images, threads=threads)
        summary.failed |= journal.position.failed
        document = _Document(root, predictor.meta, threshold, ids={} if known is None else {
            image.path: known.ids[name] for image in images
            if (name := known.name_of(image.path.absolute())) is not None and name in known.ids})
        for image, entry in zip(images, journal.entries(), strict=True):
            if 'image' in entry:
                document.add(image, read_poses(entry['poses'], predictor.num_keypoints), entry['image']['size'])
        summary.images, summary.people = len(document.images), len(document.annotations)
        if summary.images:
            write_atomically(_free(file), json.dumps(document.content(teacher_name(teacher), summary.failed)) + '\n')
            summary.files.append(file)
            summary.remarks += document.remarks()
    except BaseException:
        with contextlib.suppress(OSError):  # the disk may be full, which is what ended it
            journal.close(remove=False)
        raise
    journal.close(remove=True)
    if not summary.images:
        raise RunFailed(f'none of the {len(images)} images could be labelled: '
                        f'{": ".join(next(iter(summary.failed.items())))}')
    return summary


def unfinished(out: Path) -> Path:
    """The journal of labels that are to become this file."""
    return out.with_name(f'{out.name}.{NAME}')


def _refuse_unfinished(file: Path) -> None:
    """Hours of labelling are not thrown away because an option was forgotten."""
    if not file.is_file():
        return
    with file.open('rb') as stream:
        count = sum(1 for _ in stream) - 1
    if count > 0:
        raise DistilPoseError(f'{file} has {count} images of labels that were interrupted, or are still being written; '
                              'add --resume to go on with them, or remove the file')


def _predict(job: Job, journal: Journal, images: Sequence[InputImage], *, threads: int) -> None:
    """Predicts the images that are not in the journal yet; it gets a line for each, in their order."""
    rest = images[sum(1 for _ in journal.entries()):]
    ahead = threads * LOOK_AHEAD
    with ThreadPoolExecutor(threads) as readers:
        outcomes = job.run(read_ahead(rest, size=ahead), readers, Summary(), ahead=ahead)
        for prepared, found in tracked(outcomes, total=len(rest), description='Labelling'):
            if prepared is None or found is None:
                failed = job.failed.popleft()
                journal.add(dict(item=str(failed.image.path), failed={failed.image.name: failed.why}))
            else:
                journal.add(dict(item=str(prepared.image.path), poses=poses_entry(found),
                                 image=dict(size=prepared.crops.size, people=len(found))))


def as_read_back(boxes: Any, size: tuple[int, int]) -> np.ndarray:
    """Boxes as a data set reads them from annotations: clipped to the last pixel, with two decimals.

    Args:
        boxes: see :func:`~distilpose.inference.check_boxes`.
        size: (width, height) of the image.

    Returns:
        (N, 5) left, top, right, bottom, score; without those that have no area left.
    """
    found, last = check_boxes(boxes, size), np.array([*size, *size], np.float64) - 1
    rows = _coco_boxes(np.clip(found.corners.astype(np.float64), 0, last))
    corners = np.clip(np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1), 0, last)
    kept = (rows[:, 2:] > 0).all(axis=1)
    return np.concatenate([corners, found.scores[:, None]], axis=1)[kept]


def _coco_boxes(corners: np.ndarray) -> np.ndarray:
    """(N, 4) left, top, width, height with two decimals."""
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).astype(np.float64).round(2)


class _Document:
    """The annotation file, image by image."""

    def __init__(self, root: Path, meta: Mapping[str, Any], threshold: float | None, *,
                 ids: Mapping[Path, int]) -> None:
        self.root, self.meta, self.threshold, self.ids = root, meta, threshold, ids
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def add(self, image: InputImage, found: PosePredictions, size: Sequence[int]) -> None:
        """Adds an image of some (width, height) and its people."""
        number = self.ids.get(image.path, len(self.images) + 1)
        name = Path(os.path.relpath(image.path.absolute(), self.root)).as_posix()
        self.images.append(dict(id=number, file_name=name, width=size[0], height=size[1]))
        for index, box in enumerate(_coco_boxes(found.boxes).tolist()):
            scores = found.scores[index].astype(np.float64)
            is_labelled = np.full(len(scores), True) if self.threshold is None else scores >= self.threshold
            places = np.where(is_labelled[:, None], found.keypoints[index].astype(np.float64).round(2), 0)
            triples = np.column_stack([places, is_labelled * _LABELLED])
            self.annotations.append({
                'id': len(self.annotations) + 1, 'image_id': number, 'category_id': PERSON, 'iscrowd': 0, 'bbox': box,
                'area': round(AREA_OF_BOX * box[2] * box[3], 2), 'num_keypoints': int(is_labelled.sum()),
                'keypoints': triples.ravel().tolist(), SCORES: scores.round(4).tolist(),
                'score': round(float(found.box_scores[index]), 4)})

    def remarks(self) -> list[str]:
        """What is to be known of the scores before they are taken for certainties."""
        scores = np.array([person[SCORES] for person in self.annotations])
        empty, sentences = sum(not person['num_keypoints'] for person in self.annotations), []
        if empty:
            sentences.append(f'{empty} of {len(scores)} people have no joint with a score from {self.threshold:g}, and '
                             'data sets leave them out; a smaller --threshold labels more.')
        if scores.size and scores.min() == scores.max():
            sentences.append(f'All scores are {scores.max():g}: this teacher has no certainty, so that '
                             'neither a threshold nor WeighByCertainty distinguishes its joints.')
        elif scores.size and (scores.max() > _ABOVE_ONE or scores.min() < 0):
            sentences.append(f'Scores reach from {scores.min():g} to {scores.max():g}: they are no probabilities. '
                             'Choose --threshold on their scale; WeighByCertainty takes those above 1 for 1, and those '
                             'below 0 for 0.')
        return sentences

    def content(self, teacher: str, failed: Mapping[str, str]) -> dict[str, Any]:
        """The file."""
        info: dict[str, Any] = dict(description=f'Keypoints predicted by {teacher}', threshold=self.threshold,
                                    images=str(self.root))
        if failed:
            info.update(failed=failed)
        return dict(info=info, licenses=[], images=self.images, annotations=self.annotations, categories=[
            dict(coco_category(self.meta, PERSON, 'person'), supercategory='person')])


def _find_images(inputs: Sequence[str | Path], frames: Path, *, every: int, summary: Summary) -> list[InputImage]:
    """Images, and frames of videos, each once, in the order in which they are named."""
    found: dict[Path, InputImage] = {}
    videos: dict[str, Path] = {}
    for path, name in (pair for word in inputs for pair in _expand(Path(word).expanduser(), word)):
        if frames in path.absolute().parents:
            continue
        if not is_video(path):
            found.setdefault(path.absolute(), InputImage(path, name, PurePosixPath(name)))
            continue
        name = _own_name(path.absolute(), name, videos)
        try:
            extracted = extract_frames(path, frames, name=name, every=every)
        except RunFailed:
            raise
        except DistilPoseError as error:
            if (frames / name).exists():  # frames of other labels, which are not to be mixed with these
                raise
            summary.failed[name] = str(error)
            continue
        if extracted.broken:
            summary.notes[name] = f'{extracted.broken} of its frames cannot be decoded'
        found.update((frames / one, InputImage(frames / one, one, PurePosixPath(one))) for one in extracted.names)
    if not found:
        raise RunFailed(f'none of the inputs can be read: {": ".join(next(iter(summary.failed.items()), ("", "")))}')
    return list(found.values())


def _own_name(path: Path, name: str, videos: dict[str, Path]) -> str:
    """The name of a video, or as much more of its path as makes it another than those of other videos."""
    parts = path.parts[1:]
    for count in range(len(Path(name).parts), len(parts) + 1):
        if videos.setdefault(name, path) == path:
            break
        name = '/'.join(parts[-count - 1:])
    return name


def _expand(path: Path, word: str | Path) -> Iterator[tuple[Path, str]]:
    """Paths and names of the images and videos that a word names."""
    if path.is_dir():
        yield from ((path / name, name) for name in list_images(path, path, videos=True)[1])
    else:
        yield from ((item.path, item.name) for item in find_inputs([word]))


def _free(out: str | Path) -> Path:
    """The file to write, which does not exist yet and can be written."""
    file = Path(out).expanduser()
    if file.exists():
        raise DistilPoseError(f'--out {file} exists, and labels are not overwritten; name another file, or remove it')
    check_writable(file.parent, name='--out')
    return file


def _common_folder(inputs: Sequence[str | Path], images: Sequence[InputImage], frames: Path) -> Path:
    """Where the names of images begin: the one folder that was named, or the deepest one that has them all."""
    paths, only = [image.path.absolute() for image in images], Path(inputs[0]).expanduser().absolute()
    if len(inputs) == 1 and only.is_dir() and all(only in path.parents for path in paths):
        return only
    return Path(os.path.commonpath([frames if frames in path.parents else path.parent for path in paths]))
