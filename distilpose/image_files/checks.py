"""Images of an annotation file, checked: whether they are there, are images, and have the annotated size."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from distilpose.annotations import Finding
from distilpose.annotations.findings import MOST_EXAMPLES
from distilpose.errors import DistilPoseError, as_option

from .inspection import ImageFacts, inspect_image
from .presence import describe_folder, find_similar, missing_files

DEFAULT_SHARE = 0.001
"""Of the images, how many a training leaves out before it stops."""
SHARE_OPTION = 'default_hooks.skipped_images.max_share'
_MOST_SAMPLED, _SECONDS = 5000, 3.0
_SLOW, _THREADS, _FIRST = 2e-3, 16, 32  # seconds for an image, from which on threads read
_TOLERANCE = 2  # pixels of a side
_MOST_NAMED = 5
_NO_VALIDATION = ', or train without a validation (--no-validate)'


def _no_boxes(place: int) -> Sequence[Sequence[float]]:
    return ()


@dataclass(frozen=True)
class ImageTable:
    """The images of a data set that have people."""

    source: str
    """The file that names them, for messages."""
    named_by: str
    """The place of the data set in the config, ``train_dataloader.dataset``; for messages."""
    folder: str
    """Where the names begin."""
    names: Sequence[str]
    ids: Sequence[Any] = ()
    """Of the images in the file, for messages."""
    sizes: np.ndarray | None = None
    """(N, 2) annotated width and height, where the data set uses them."""
    boxes_of: Callable[[int], Sequence[Sequence[float]]] = field(default=_no_boxes)
    """Place of an image -> x, y, width, height of its people."""
    is_turned: bool = True
    """Whether images are rotated by their EXIF orientation."""
    root: str | None = None
    """The folder of the data set, where missing files are looked for."""

    def path(self, place: int) -> str:
        """Of an image, from the current directory."""
        return os.path.join(self.folder, self.names[place])


def checked_share(value: Any) -> float:
    """A value of :data:`SHARE_OPTION`.

    Raises:
        DistilPoseError: it is no number from 0 to 1.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise DistilPoseError(f'{SHARE_OPTION} is {value!r}, the share of the images that a training may leave out '
                              'because they cannot be read; expected a number from 0 to 1, such as 0.01')
    return float(value)


def check_images(table: ImageTable, *, max_share: float = DEFAULT_SHARE, is_training: bool = True) -> list[Finding]:
    """Looks for all images, and at the headers of all or of an evenly spread sample of a large training set.

    Args:
        table: the images.
        max_share: of the images that may be broken, or have another size than annotated.
        is_training: whether broken images can be left out. If not, one is too many, and all images are looked at.

    Returns:
        Warnings.

    Raises:
        DistilPoseError: too many images are missing or broken, or have another size than annotated.
    """
    missing = missing_files(table.folder, table.names)
    if missing and len(missing) == len(table.names):
        raise _none_there(table)
    places = _sample(len(table.names), missing) if is_training else np.setdiff1d(range(len(table.names)), missing)
    looked = dict(_look(table, places, seconds=_SECONDS if is_training else math.inf))
    return [*_check_readable(table, looked, missing, max_share=max_share, is_training=is_training),
            *_check_sizes(table, looked, max_share=max_share)]


def _sample(count: int, missing: Sequence[int]) -> np.ndarray:
    """Places of images, evenly spread, in an order whose every beginning is spread as well."""
    places = np.setdiff1d(np.linspace(0, count - 1, min(count, _MOST_SAMPLED)).astype(int), missing)
    return np.random.default_rng(0).permutation(places)


def _look(table: ImageTable, places: np.ndarray, *, seconds: float) -> Iterator[tuple[int, ImageFacts]]:
    """Looks at images until the time is up; several at once where the disk is slow."""
    start, remaining = time.perf_counter(), iter(places.tolist())

    def inspect(place: int) -> tuple[int, ImageFacts] | None:
        return (place, inspect_image(table.path(place))) if time.perf_counter() - start < seconds else None

    first = [inspect(place) for place in islice(remaining, _FIRST)]
    if time.perf_counter() - start < _SLOW * _FIRST:
        yield from (found for found in (*first, *map(inspect, remaining)) if found)
        return
    with ThreadPoolExecutor(_THREADS) as readers:
        yield from (found for found in (*first, *readers.map(inspect, remaining)) if found)


def _none_there(table: ImageTable) -> DistilPoseError:
    option = f'{as_option(table.named_by)}.data_prefix.img'
    hint = find_similar(table.folder, table.names[0], root=table.root) or describe_folder(table.path(0))
    return DistilPoseError(
        f'none of the {len(table.names)} images of {table.source} (named by {table.named_by}) is in '
        f'{table.folder or "the current directory"}: {table.path(0)} was looked for. {hint} Correct file_name in the '
        f'file, or name their folder with --data-root DIR or --cfg-options {option}=FOLDER')


def _check_readable(table: ImageTable, looked: Mapping[int, ImageFacts], missing: Sequence[int], *, max_share: float,
                    is_training: bool) -> list[Finding]:
    problems = {place: inspect_image(table.path(place)).problem or 'is missing' for place in missing[:_MOST_NAMED]}
    damaged = {place: facts.problem for place, facts in looked.items() if facts.problem}
    if not missing and not damaged:
        return []
    is_or_are = 'is' if len(missing) == 1 else 'are'
    counts = [f'{len(missing)} of {len(table.names)} images {is_or_are} missing'] * bool(missing)
    counts += [f'{len(damaged)} of {_looked_at(table, looked, missing)} cannot be read'] * bool(damaged)
    named = [f'{table.path(place)} {problem}' for place, problem in (problems | dict(sorted(damaged.items()))).items()]
    more = ', ...' if len(missing) + len(damaged) > _MOST_NAMED else ''
    found = (f'{" and ".join(counts)}, of those that {table.source} (named by {table.named_by}) names: '
             f'{", ".join(named[:_MOST_NAMED])}{more}')
    share = len(missing) / len(table.names) + len(damaged) / max(len(looked), 1)
    if is_training and share <= max_share:
        places = [*missing, *sorted(damaged)]
        return [_finding('broken images', f'{found}. They are left out, and others take their places', table, places)]
    hint = find_similar(table.folder, table.names[missing[0]], root=table.root) if missing else None
    remedy = f'{f"{hint} " if hint else ""}Get them again, or take them out of the file'
    if is_training:
        raise DistilPoseError(f'{found}. A training leaves out at most {max_share:.2%} of its images. {remedy}, or '
                              f'leave out more: --cfg-options {_share_option(share)}')
    remedy += _NO_VALIDATION * table.named_by.startswith('val_')
    raise DistilPoseError(f'{found}. All images of a validation or test have to be readable, because a score without '
                          f'some of them is not comparable. {remedy}')


def _finding(kind: str, sentence: str, table: ImageTable, places: Sequence[int]) -> Finding:
    ids = tuple(table.ids[place] for place in places[:MOST_EXAMPLES]) if table.ids else ()
    return Finding(kind, sentence, len(places), image_ids=ids)


def _looked_at(table: ImageTable, looked: Mapping[int, ImageFacts], missing: Sequence[int]) -> str:
    others = len(table.names) - len(missing)
    return f'{len(looked)} images' + f' (a sample of {others})' * (len(looked) < others)


def _share_option(share: float) -> str:
    return f'{SHARE_OPTION}={math.ceil(share * 1000) / 1000:g}'


def _check_sizes(table: ImageTable, looked: Mapping[int, ImageFacts], *, max_share: float) -> list[Finding]:
    places = np.array(sorted(place for place, facts in looked.items() if not facts.problem), dtype=int)
    if table.sizes is None or not len(places):
        return []
    found = np.array([_size(looked[place], is_turned=table.is_turned) for place in places.tolist()])
    differs = (np.abs(found - table.sizes[places]) > _TOLERANCE).any(axis=1)
    if not differs.any():
        return []
    places, found = places[differs], found[differs]
    sentence = (f'{len(places)} of {_looked_at(table, looked, ())} of {table.source} (named by {table.named_by}) have '
                f'another width and height than in the file. {_describe_sizes(table, looked, places, found)}')
    share = len(places) / len(looked)
    if share <= max_share:
        return [_finding('images of another size', sentence.rstrip('.'), table, places.tolist())]
    raise DistilPoseError(f'{sentence} Expected the size of the image as it is read: correct width and height in the '
                          'file if its coordinates are those of the images, or use the images that were annotated. To '
                          f'go on all the same: --cfg-options {_share_option(share)}')


def _size(facts: ImageFacts, *, is_turned: bool) -> tuple[int, int]:
    is_exchanged = facts.orientation >= 5 and not is_turned
    return (facts.height, facts.width) if is_exchanged else (facts.width, facts.height)


def _describe_sizes(table: ImageTable, looked: Mapping[int, ImageFacts], places: np.ndarray, found: np.ndarray) -> str:
    """An example, and what follows: boxes that are cut or outside, images that are turned."""
    sizes = np.asarray(table.sizes)[places]
    place, (width, height) = places[0], found[0]
    text = (f'{table.path(place)} is {width}x{height} (width x height), and {sizes[0][0]:g}x{sizes[0][1]:g} in the '
            'annotations.')
    turned = sum(looked[one].orientation >= 5 and table.is_turned and tuple(size[::-1]) == tuple(annotated)
                 for one, size, annotated in zip(places.tolist(), found, sizes, strict=True))
    if turned:
        text += (f' {turned} are annotated as they are without the rotation of their EXIF data, with which they are '
                 'read: remove it from the files, or turn the annotations.')
    boxes = [(box, size, annotated) for one, size, annotated in zip(places.tolist(), found, sizes, strict=True)
             for box in table.boxes_of(one)]
    ends = [np.add(box[:2], box[2:4]) for box, _, _ in boxes]
    cut = sum(bool((np.minimum(end, size) > annotated + _TOLERANCE).any())
              for end, (_, size, annotated) in zip(ends, boxes, strict=True))
    beyond = sum(bool((np.minimum(end, annotated) > size + _TOLERANCE).any())
                 for end, (_, size, annotated) in zip(ends, boxes, strict=True))
    if cut:
        text += (f' mmpose cuts boxes at the annotated size: {cut} of {len(boxes)} people on these images would lose a '
                 'part of their box that the image has.')
    if beyond:
        text += f' {beyond} of {len(boxes)} boxes on these images reach beyond them.'
    return text
