"""Boxes of people: checked arrays, and files of boxes: tables by name, COCO annotations, detection results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np

from distilpose.datasets.unlabelled_files import PERSON, match_names, people_categories, read_boxes
from distilpose.errors import DistilPoseError

_ID_AT_THE_END = re.compile(r'(?:.*_)?0*(\d+)')
"""COCO's names of files, without the suffix: ``000000000785``, ``COCO_val2014_000000000785``."""


class Boxes(NamedTuple):
    """Boxes of the people of an image."""

    corners: np.ndarray
    """(N, 4) float32: left, top, right, bottom in pixels."""
    scores: np.ndarray
    """(N,) float32 confidences; 1 where none is given."""


def check_boxes(boxes: Sequence[Any] | np.ndarray | None, size: tuple[int, int], *, name: str = 'boxes') -> Boxes:
    """Reads and checks the boxes of an image.

    Args:
        boxes: (N, 4) left, top, right, bottom in pixels, or (N, 5) with a score; N may be 0. ``None`` is a box of the
            whole image.
        size: (width, height) of the image in pixels.
        name: for messages.

    Raises:
        DistilPoseError: another shape, a value that is not finite, no area, or a box outside of the image.
    """
    width, height = size
    if boxes is None:
        return Boxes(np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32))
    try:
        found = np.asarray(boxes, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DistilPoseError(f'{name} are {boxes!r:.80}; expected numbers in (N, 4): left, top, right, bottom in '
                              'pixels, perhaps with a score in a fifth column') from error
    if found.size == 0 and found.ndim in (1, 2) and len(found) == 0:
        return Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    if found.ndim != 2 or found.shape[1] not in (4, 5):
        hint = '; put the one box into a list' if found.ndim == 1 and len(found) in (4, 5) else ''
        raise DistilPoseError(f'{name} have the shape {found.shape}; expected (N, 4): left, top, right, bottom in '
                              f'pixels, or (N, 5) with a score{hint}')
    corners = np.ascontiguousarray(found[:, :4])
    _refuse(~np.isfinite(found).all(axis=1), found, name, 'which is not finite; leave it out')
    _refuse((corners[:, 2:] <= corners[:, :2]).any(axis=1), found, name,
            'which has no area; expected left < right and top < bottom, that is corners and not width and height')
    _refuse((corners[:, :2] >= (width, height)).any(axis=1) | (corners[:, 2:] <= 0).any(axis=1), found, name,
            f'which lies outside of the image of {width}x{height} (width x height); expected pixels of the image as it '
            'is shown, after an EXIF rotation')
    return Boxes(corners, found[:, 4].copy() if found.shape[1] == 5 else np.ones(len(found), np.float32))


def _refuse(is_wrong: Any, boxes: np.ndarray, name: str, why: str) -> None:
    if is_wrong.any():
        index = int(is_wrong.argmax())
        raise DistilPoseError(f'{name}[{index}] is {[round(float(value), 2) for value in boxes[index]]}, {why}')


@dataclass(frozen=True)
class BoxesFile:
    """Boxes of many images.

    Attributes:
        path: the file.
        boxes: name of the image -> (N, 5) left, top, right, bottom, score.
        ids: name of the image -> the file's number of it; empty where it has none.
        categories: number -> name of the categories whose boxes these are.
        kinds: name of the image -> number of the category of each box; empty where all are of the one category.
        left_out: annotated people without a box here: crowds, and those without any labelled keypoint, which mmpose's
            data sets leave out as well.
        by_id: whether names are numbers, with which the names of the image files end.
        matched: path of an image -> the file's name for it, once :meth:`match` was called.
    """

    path: Path
    boxes: dict[str, np.ndarray]
    ids: dict[str, int] = field(default_factory=dict)
    categories: dict[int, str] = field(default_factory=lambda: {PERSON: 'person'})
    kinds: dict[str, list[int]] = field(default_factory=dict)
    left_out: int = 0
    by_id: bool = False
    matched: dict[PurePath, str | None] = field(default_factory=dict, repr=False, compare=False)

    def match(self, images: Sequence[tuple[str, PurePath]]) -> list[str | None]:
        """Finds the file's name for each image, ``None`` where it has none; :meth:`name_of` finds them from then on.

        Args:
            images: name, from the folder that was named, and absolute path of each.

        Raises:
            DistilPoseError: a name fits several images.
        """
        found = (self._match_ids([path for _, path in images]) if self.by_id else
                 match_names(self.boxes, images, source=f'the boxes {self.path}'))
        self.matched.update((path, name) for (_, path), name in zip(images, found, strict=True))
        return found

    def _match_ids(self, images: Sequence[PurePath]) -> list[str | None]:
        found = [match[1] if (match := _ID_AT_THE_END.fullmatch(path.stem)) else None for path in images]
        seen: dict[str, PurePath] = {}
        for number, path in zip(found, images, strict=True):
            if number is not None and seen.setdefault(number, path) != path:
                raise DistilPoseError(f'the boxes {self.path} are of numbers of images, and {seen[number]} and {path} '
                                      f'have the same, {number}; name one of them, or add --annotations FILE, which '
                                      'has their names')
        return [number if number in self.boxes else None for number in found]

    def name_of(self, image: PurePath) -> str | None:
        """The file's name for an image that was matched, or for a frame of a video: the longest end of its path."""
        if image in self.matched:
            return self.matched[image]
        parts = image.parts
        return next((name for start in range(len(parts)) if (name := '/'.join(parts[start:])) in self.boxes), None)


def read_boxes_file(path: str | Path, annotations: str | Path | None = None) -> BoxesFile:
    """Reads boxes of people: a table by name, COCO's annotations, or a list of a detector's results as COCO has it.

    The table is ``{"a.jpg": [[x, y, width, height], ...]}``. Of COCO's form (``images`` and ``annotations``) the boxes
    are clipped to the image as mmpose's data sets do, and an annotation may have a ``score``. Results are
    ``[{"image_id": 785, "category_id": 1, "bbox": [x, y, width, height], "score": 0.9}, ...]``. Which categories are
    taken, the file or ``annotations`` defines (:func:`~distilpose.datasets.unlabelled_files.people_categories`).

    Args:
        path: the file.
        annotations: of results, a file of COCO's form that names the images; without one, names of image files end
            with the number, as COCO's do: ``000000000785.jpg``.

    Raises:
        DistilPoseError: there is no such file, or it has another form.
    """
    path = Path(path).expanduser()
    content = _load(path)
    if isinstance(content, list) and content and isinstance(content[0], dict) and 'image_id' in content[0]:
        return _read_results(content, path, None if annotations is None else Path(annotations).expanduser())
    if annotations is not None:
        raise DistilPoseError(f'{annotations} is to name the images of {path}, which has names; leave out '
                              '--annotations, which is of results: [{"image_id": 785, "bbox": ..., "score": ...}, ...]')
    if isinstance(content, dict) and isinstance(content.get('images'), list) and 'annotations' in content:
        return _read_coco(content, path)
    tables = {name: _with_scores(_corners(boxes)) for name, boxes in read_boxes(path).items()}
    return BoxesFile(path, tables)


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise DistilPoseError(f'the boxes {path} cannot be read ({error.strerror}); looked from '
                              f'{Path.cwd()}') from error
    except ValueError as error:
        raise DistilPoseError(f'the boxes {path} are not JSON ({error}); expected {{"name.jpg": [[x, y, width, height],'
                              " ...]}, or images and annotations as in COCO's files") from error


def _read_results(content: list[Any], path: Path, annotations: Path | None) -> BoxesFile:
    """A detector's results; boxes are taken as they are, as mmpose takes those of ``bbox_file``."""
    names, listed = (None, []) if annotations is None else _names_by_id(annotations)
    categories = _categories(listed, content, path)
    found: dict[str, list[list[float]]] = {} if names is None else {name: [] for name in names.values()}
    ids = {} if names is None else {name: number for number, name in names.items()}
    for index, one in enumerate(content):
        try:
            kind = one.get('category_id', next(iter(categories)))
            if kind not in categories:
                continue
            number, (x, y, width, height), score = int(one['image_id']), one['bbox'], float(one.get('score', 1))
            row = [x, y, x + width, y + height, score, kind]
            if not np.isfinite(row).all():
                raise ValueError('a value is not finite')
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DistilPoseError(f'entry {index} of the boxes {path} is {one!r:.80} ({type(error).__name__} {error}); '
                                  'expected {"image_id": 785, "category_id": 1, "bbox": [x, y, width, height], '
                                  '"score": 0.9}') from error
        if names is not None and number not in names:
            raise DistilPoseError(f'entry {index} of the boxes {path} is of the image {number}, which {annotations} '
                                  'does not have; name the annotations of these images')
        name = str(number) if names is None else names[number]
        ids[name] = number
        found.setdefault(name, []).append(row)
    boxes, kinds = _apart(found, categories)
    return BoxesFile(path, boxes, ids, categories, kinds, by_id=names is None)


def _names_by_id(annotations: Path) -> tuple[dict[int, str], list[Any]]:
    content = _load(annotations)
    try:
        names = {int(image['id']): str(image['file_name']) for image in content['images']}
        return names, list(content.get('categories') or ())
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DistilPoseError(f'{annotations} does not name images ({type(error).__name__} {error}); expected images '
                              "with id and file_name, as in COCO's annotations") from error


def _read_coco(content: dict[str, Any], path: Path) -> BoxesFile:
    categories = _categories(content.get('categories') or (), content['annotations'], path)
    first = next(iter(categories))
    try:
        images = {image['id']: image for image in content['images']}
        people = [person for person in content['annotations'] if person.get('category_id', first) in categories]
        usable = [person for person in people if not person.get('iscrowd') and person.get('num_keypoints', 1)]
        found: dict[str, list[list[float]]] = {image['file_name']: [] for image in images.values()}
        for person in usable:
            image = images[person['image_id']]
            found[image['file_name']].append([*_clipped_box(person, image), person.get('category_id', first)])
        ids = {image['file_name']: int(number) for number, image in images.items()}
        boxes, kinds = _apart(found, categories)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DistilPoseError(f"the boxes {path} are not in COCO's form: {type(error).__name__} {error}; expected id, "
                              'file_name, width and height of all images, image_id and bbox of all annotations'
                              ) from error
    return BoxesFile(path, boxes, ids, categories, kinds, len(people) - sum(map(len, boxes.values())))


def _categories(listed: Sequence[Any], boxes: Sequence[Any], path: Path) -> dict[int, str]:
    """Number -> name of those whose boxes are taken."""
    try:
        names = {one['id']: str(one.get('name', 'person')) for one in listed}
        numbers = people_categories(listed, boxes, path)
        if not all(type(number) is int for number in numbers):
            raise TypeError(f'category {numbers[0]!r}')
        return {number: names.get(number, 'person') for number in numbers}
    except DistilPoseError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DistilPoseError(f"the categories of the boxes {path} are not in COCO's form ({type(error).__name__} "
                              f'{error}); expected dictionaries with id, a whole number, and name, and a category_id '
                              'of each box') from error


def _apart(found: Mapping[str, Sequence[Sequence[float]]],
           categories: Mapping[int, str]) -> tuple[dict[str, np.ndarray], dict[str, list[int]]]:
    """Rows of left, top, right, bottom, score, category -> boxes that have an area, and their categories."""
    rows = {name: _with_area(np.array(lines, np.float64).reshape(-1, 6)) for name, lines in found.items()}
    kinds = {name: of_image[:, 5].astype(int).tolist() for name, of_image in rows.items()}
    return ({name: of_image[:, :5].astype(np.float32) for name, of_image in rows.items()},
            kinds if len(categories) > 1 else {})


def _clipped_box(person: dict[str, Any], image: dict[str, Any]) -> np.ndarray:
    """Left, top, right, bottom, score of an annotation; mmpose's last pixel is ``width - 1``."""
    corners = _corners(np.array([person['bbox']], np.float64))
    if 'width' in image and 'height' in image:
        corners = np.clip(corners, 0, np.array([image['width'], image['height']] * 2) - 1)
    return _with_scores(corners, float(person.get('score', 1)))[0]


def _with_area(rows: np.ndarray) -> np.ndarray:
    return rows[(rows[:, 2:4] > rows[:, :2]).all(axis=1)]


def _corners(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _with_scores(corners: np.ndarray, score: float = 1.0) -> np.ndarray:
    return np.concatenate([corners, np.full((len(corners), 1), score)], axis=1).astype(np.float32)
