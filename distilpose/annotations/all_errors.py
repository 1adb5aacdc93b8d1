"""All errors of an annotation file: the check, which stops at the first, is run on parts of the file."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distilpose.errors import DistilPoseError

from .content import check_content
from .detections import PERSON, check_detections
from .findings import Expected, Findings

MOST = 200
"""Entries of a list that are named."""
_SECONDS = 10.0
"""Of the processor, for a list."""
_ROUNDS = 10
_HUGE = 2**63
_PLACE = re.compile(r'\b(box|box number|number|entry) 0\b')
_VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|-?\d+(\.\d+)?")
_IMAGE = dict(id=-1, file_name='-', width=1, height=1)
_CATEGORY = dict(id=1, name='')

Entry = Mapping[str, Any]


class ContentError(NamedTuple):
    """What makes a file unusable, and where it is."""

    sentence: str
    image_id: Any = None
    """``None`` where it is about no image."""
    entry: Entry | None = None
    """The annotation or box."""


def all_errors(content: Any, expected: Expected, *, path: str | Path) -> tuple[list[ContentError], Findings | None]:
    """The errors of a file in COCO format, entry by entry, and what is found without these entries.

    Args:
        content: the parsed JSON; not changed.
        expected: what is read of it.
        path: the file, for messages.

    Returns:
        Errors, at most :data:`MOST` of each list, and findings on the rest, ``None`` where it cannot be used.
    """
    def check(some: Mapping[str, Any], of: Expected = expected) -> Findings:
        return check_content(some, of, path=path, named_by='')

    try:
        return [], check(content)
    except DistilPoseError as error:
        first = ContentError(str(error))
    lists = {name: content.get(name) for name in ('images', 'categories', 'annotations')}
    if not all(isinstance(found, list) and (found or name == 'annotations') for name, found in lists.items()):
        return [first], None
    rest, errors = dict(content), []
    without_people = dataclasses.replace(expected, has_people=False)
    by_number = {image['id']: dict(image, file_name='-') for image in lists['images']
                 if isinstance(image, Mapping) and type(image.get('id')) is int}
    checks = dict(
        categories=lambda some: check(dict(images=[_IMAGE], categories=some), without_people),
        images=lambda some: check(dict(images=some, categories=rest['categories'][:1]), without_people),
        annotations=lambda some: check(dict(images=_images_of(some, by_number), categories=rest['categories'],
                                            annotations=some), without_people))
    refused: set[str] = set()
    for name, check_some in checks.items():
        found = dict(_wrong_entries(lists[name], check_some))
        errors += [_placed(sentence, name, lists[name][place]) for place, sentence in found.items()
                   if not (refused and _image_of(lists[name][place]) in refused and 'no image of the file' in sentence)]
        rest[name] = [entry for place, entry in enumerate(lists[name]) if place not in found]
        if name == 'categories':
            rest[name] = rest[name] or [_CATEGORY]
        if name == 'images':
            refused = {str(entry.get('id')) for entry in (lists[name][place] for place in found)
                       if isinstance(entry, Mapping)}
    rest['annotations'] = [entry for entry in rest['annotations'] if _image_of(entry) not in refused]
    if len(errors) >= MOST:  # what is left has more of them
        return errors, None
    findings, more = _check_rest(rest, check, is_whole=not errors)
    return [*errors, *more] or [first], findings


def all_detection_errors(boxes: Any, image_ids: set[int] | None, *, path: str | Path,
                         images_with_people: Collection[Any]) -> tuple[list[ContentError], Findings | None]:
    """As :func:`all_errors` for the boxes of a detector.

    Args:
        boxes: the parsed JSON; not changed.
        image_ids: of the annotations, ``None`` where they are not known.
        path: the file, for messages.
        images_with_people: those in which people are annotated.
    """
    known = image_ids if image_ids is not None else {
        box['image_id'] for box in boxes if isinstance(box, Mapping) and type(box.get('image_id')) is int
        and abs(box['image_id']) < _HUGE
    } if isinstance(boxes, list) else set()

    def check(some: Any) -> Findings:
        return check_detections(some, known, path=path, named_by='', images_with_people=images_with_people)

    try:
        return [], check(boxes)
    except DistilPoseError as error:
        first = ContentError(str(error))
    if not isinstance(boxes, list) or not boxes:
        return [first], None
    def check_people(some: Sequence[Any]) -> None:
        people = [box for box in some if not isinstance(box, Mapping) or box.get('category_id', PERSON) == PERSON]
        if people:
            check(people)

    found = dict(_wrong_entries(boxes, check_people))
    errors = [_placed(sentence, 'boxes', boxes[place]) for place, sentence in found.items()]
    try:
        return errors or [first], check([box for place, box in enumerate(boxes) if place not in found])
    except DistilPoseError:
        return errors or [first], None


def _image_of(entry: Any) -> str:
    return str(entry.get('image_id')) if isinstance(entry, Mapping) else ''


def _wrong_entries(entries: Sequence[Any], check: Callable[[list[Any]], object]) -> Iterator[tuple[int, str]]:
    """Places and sentences of the entries that a check refuses when it is given them alone; found by halves."""
    stack, count, end_time = [(0, len(entries))], 0, time.process_time() + _SECONDS
    while stack and count < MOST and time.process_time() < end_time:
        start, end = stack.pop()
        try:
            check(list(entries[start:end]))
        except DistilPoseError as error:
            if end - start == 1:
                yield start, _PLACE.sub(rf'\g<1> {start}', str(error), count=1)
                count += 1
            elif end > start:
                middle = (start + end) // 2
                stack += [(middle, end), (start, middle)]


def _images_of(people: Sequence[Any], images: Mapping[Any, Any]) -> list[Any]:
    """The images of some annotations; those that are refused themselves as far as their people need them."""
    numbers = {person.get('image_id') for person in people if isinstance(person, Mapping)
               and isinstance(person.get('image_id'), Hashable)}
    return [_IMAGE, *(images[number] for number in numbers if number in images)]


def _placed(sentence: str, name: str, entry: Any) -> ContentError:
    if not isinstance(entry, Mapping) or name == 'categories':
        return ContentError(sentence)
    return ContentError(sentence, entry.get('id' if name == 'images' else 'image_id'),
                        None if name == 'images' else entry)


def _check_rest(rest: dict[str, Any], check: Callable[[Mapping[str, Any]], Findings], *,
                is_whole: bool) -> tuple[Findings | None, list[ContentError]]:
    """Checks what is left of a file, and again without entries whose id was there before."""
    errors: list[ContentError] = []
    for _ in range(_ROUNDS):
        try:
            return check(rest), errors
        except DistilPoseError as error:
            is_consequence = 'no person in' in str(error) and not (is_whole and not errors)
            errors += [] if is_consequence else [ContentError(str(error))]
        without = {name: list({entry['id']: entry for entry in reversed(rest[name])}.values())[::-1]
                   for name in ('images', 'categories', 'annotations')}
        if all(len(without[name]) == len(rest[name]) for name in without):
            break
        rest.update(without)
    return None, errors


def by_kind(errors: Sequence[ContentError], path: str | Path) -> dict[str, list[ContentError]]:
    """Errors that differ in numbers and names only, together."""
    kinds: dict[str, list[ContentError]] = {}
    for error in {error.sentence: error for error in errors}.values():  # a category or image is checked several times
        where = error.sentence.partition(str(path))[0] or error.sentence
        kinds.setdefault(_VARIES.sub('#', where), []).append(error)
    return kinds
