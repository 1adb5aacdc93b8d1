"""Writes a data set of synthetic people: all of it or nothing, the same for any number of workers."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from distilpose.errors import DistilPoseError
from distilpose.progress import tracked

from . import annotations as forms
from .scene import PersonView, render_scene

VERSION = 3
"""Counts changes after which the same seed gives other pictures."""
DESCRIPTION = 'synthetic_people.json'
SPLITS = ('train', 'val')
_JPEG_QUALITY = 92
_LEAST_SIZE, _MOST_SIZE = 64, 2048


@dataclass(frozen=True)
class _Task:
    """One image: its number from 1, its folder, and what its content depends on."""

    number: int
    folder: Path
    seed: int
    size: int


@dataclass(frozen=True)
class _Record:
    """Annotations of one image; they go to the files of its split."""

    image: dict[str, Any]
    whole_body: list[dict[str, Any]]
    boxes: list[dict[str, Any]]
    mpii: list[tuple[dict[str, Any], PersonView]]


def make_dataset(
    out: str | Path, *, images: int, seed: int, size: int = 320, val_fraction: float = 0.2, workers: int = 1
) -> Path:
    """Makes images of people with annotations in the formats of COCO, COCO-WholeBody and MPII.

    Every argument but ``workers`` changes the result. If ``out`` already holds exactly this data set, nothing is done.
    An interrupted call leaves ``out`` as it was.

    Args:
        out: folder to make: ``images/{train,val}``, ``annotations``, ``annot``, ``person_detection_results``.
        images: number of images, the last ``val_fraction`` of which are for validation.
        seed: of the random number generator.
        size: side of the square images in pixels.
        val_fraction: share of the images for validation; each split gets at least one.
        workers: number of processes.

    Returns:
        ``out``.

    Raises:
        DistilPoseError: for wrong arguments, and when ``out`` holds something else.
    """
    folder = Path(out).expanduser().absolute()
    description = dict(version=VERSION, images=images, seed=seed, size=size, val_fraction=val_fraction)
    _check(description, workers)
    if _is_complete(folder, description):
        return folder
    train = images - min(max(1, round(images * val_fraction)), images - 1)
    with _all_or_nothing(folder) as temporary:
        for split in SPLITS:
            (temporary / 'images' / split).mkdir(parents=True)
        tasks = [_Task(number, temporary / 'images' / SPLITS[number > train], seed, size)
                 for number in range(1, images + 1)]  # fmt: skip
        with _mapped(tasks, workers) as results:
            records = list(tracked(results, total=images, description=f'images in {folder}'))
        for split, part in zip(SPLITS, (records[:train], records[train:]), strict=True):
            _write_split(temporary, split, part)
        _write_json(temporary / DESCRIPTION, description)
    return folder


def _check(description: dict[str, Any], workers: int) -> None:
    images, seed, size, val_fraction = (description[name] for name in ('images', 'seed', 'size', 'val_fraction'))
    problems = {
        f'images is {images}; expected at least 2, one for training and one for validation': images < 2,
        f'seed is {seed}; expected a whole number from 0 to 2**32 - 1': not 0 <= seed < 2**32,
        f'size is {size}; expected an even number of pixels from {_LEAST_SIZE} to {_MOST_SIZE}':
            not _LEAST_SIZE <= size <= _MOST_SIZE or size % 2,
        f'val_fraction is {val_fraction}; expected a share for validation between 0 and 1': not 0 < val_fraction < 1,
        f'workers is {workers}; expected at least 1': workers < 1,
    }  # fmt: skip
    for message, is_wrong in problems.items():
        if is_wrong:
            raise DistilPoseError(message)


def _is_complete(folder: Path, description: dict[str, Any]) -> bool:
    """Whether the folder holds exactly this data set.

    Raises:
        DistilPoseError: when it holds another one, or anything else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    file = folder / DESCRIPTION
    if not file.is_file():
        raise DistilPoseError(
            f'{folder} exists and holds no {DESCRIPTION}, so it is not a finished data set of synthetic '
            'people; name another folder, or remove it'
        )
    try:
        found = json.loads(file.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise DistilPoseError(f'{file} cannot be read ({error}); name another folder, or remove it') from error
    if found != description:
        raise DistilPoseError(
            f'{folder} holds synthetic people made with {found}, not with {description}; name another '
            'folder, or remove it'
        )
    return True


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder``, which becomes it at the end and is removed when something goes wrong."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f'.{folder.name}-', dir=folder.parent))
    except OSError as error:
        raise DistilPoseError(
            f'{folder} cannot be made: {error.strerror or error}; name a folder that you may write'
        ) from error
    try:
        yield temporary
        temporary.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _mapped(tasks: Sequence[_Task], workers: int) -> Iterator[Iterator[_Record]]:
    """Records in the order of the tasks."""
    if workers == 1:
        yield map(_make_image, tasks)
        return
    # Fresh processes: a fork of a process that has used the threads of OpenCV or torch hangs.
    context = multiprocessing.get_context('spawn')
    with context.Pool(min(workers, len(tasks)), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield pool.imap(_make_image, tasks, chunksize=8)


def _make_image(task: _Task) -> _Record:
    rng = np.random.default_rng(np.random.SeedSequence([task.seed, task.number]))
    view = render_scene(rng, size=task.size)
    file = task.folder / f'{task.number:06d}.jpg'
    if not cv2.imwrite(str(file), view.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]):
        raise DistilPoseError(f'{file} could not be written; is the disk full?')
    people = [person for person in view.people if person.mask.sum() >= forms.LEAST_PIXELS]
    annotations = [
        forms.whole_body_annotation(person, number=10 * task.number + index, image=task.number)
        for index, person in enumerate(people)
    ]
    boxes = [np.array(annotation['bbox']) for annotation in annotations]
    return _Record(
        image=dict(id=task.number, file_name=file.name, width=task.size, height=task.size),
        whole_body=annotations,
        boxes=forms.detections(rng, boxes, image=task.number, size=task.size),
        mpii=[(forms.mpii_annotation(one, file_name=file.name), replace(one, mask=one.mask[:0])) for one in people],
    )


def _write_split(folder: Path, split: str, records: Sequence[_Record]) -> None:
    whole = [annotation for record in records for annotation in record.whole_body]
    coco = [{key: value for key, value in one.items() if not key.startswith(forms.WHOLE_BODY_FIELDS)} for one in whole]
    head = dict(info=dict(description='synthetic people', version=str(VERSION)), licenses=[],
                images=[record.image for record in records], categories=forms.CATEGORIES)  # fmt: skip
    _write_json(folder / 'annotations' / f'person_keypoints_{split}.json', dict(head, annotations=coco))
    _write_json(folder / 'annotations' / f'coco_wholebody_{split}.json', dict(head, annotations=whole))
    mpii = [person for record in records for person in record.mpii]
    _write_json(folder / 'annot' / f'{split}.json', [annotation for annotation, _ in mpii])
    if mpii:
        (folder / 'annot' / f'gt_{split}.mat').write_bytes(forms.ground_truth_mat([view for _, view in mpii]))
    boxes = [box for record in records for box in record.boxes]
    _write_json(folder / 'person_detection_results' / f'detections_{split}.json', boxes)


def _write_json(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, separators=(',', ':')))


def fingerprint(folder: str | Path) -> str:
    """SHA-256 over names and contents of all files of a data set, to compare two of them."""
    sha = hashlib.sha256()
    root = Path(folder)
    for file in sorted(path for path in root.rglob('*') if path.is_file()):
        sha.update(os.fsencode(file.relative_to(root)))
        sha.update(file.read_bytes())
    return sha.hexdigest()
