"""Annotation and detection files, read and checked once: the check's findings and the columns are stored.

The first process that needs a file parses, checks and stores it; others wait for it. As long as the content of the
file is the same, later starts read neither.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from distilpose import annotations as checks
from distilpose.annotations import Expected, Findings, check_content, check_detections
from distilpose.errors import DistilPoseError
from distilpose.host import data_files, xtcoco
from distilpose.host.image_paths import VARIABLE as ALLOWED_FOLDERS

from . import cache_folder
from .entry_texts import EntryTexts
from .stored_columns import Columns, Unusual, annotation_columns, detection_columns
from .stored_file import StoredFile, open_folder, write_folder


def stored_file(path: str | Path) -> StoredFile | None:
    """What is stored of a file, if anything is; looks at the content of the file, not at its name or date."""
    folder = _folder(path)
    return None if folder is None else open_folder(folder)


def has_columns(path: str | Path) -> bool:
    """Whether a data set that reads stored annotations needs nothing else of a file."""
    stored = stored_file(path)
    return stored is not None and stored.kind != 'unusual'


def check_annotation_file(path: Path, expected: Expected, *, named_by: str, keep: bool) -> Findings:
    """Reads an annotation file, checks and stores it; a file that was checked before is not parsed.

    Args:
        path: the file.
        expected: what is read of it.
        named_by: the place in the config that names it, for messages.
        keep: hold the content, if it is parsed, for the next reader of the file.

    Raises:
        DistilPoseError: as :func:`~distilpose.annotations.content.check_content`, or the file is no JSON.
    """
    texts = EntryTexts()

    def parse() -> tuple[Any, dict[str, Any]]:
        try:
            people, zeroed = data_files.read_counted(path, keep=keep, loads=texts.loads)
        except DistilPoseError as error:
            raise DistilPoseError(f"{error}; {named_by} must name an annotation file of COCO's form") from error
        texts.changed.update(['annotations'] if zeroed else [])
        return people, dict(zeroed=zeroed)

    def check(parsed: Any) -> Findings:
        return check_content(parsed, expected, path=path, named_by=named_by)

    key = _key(expected.key(), path, named_by) if _folder(path) else ''
    return _checked(path, key, parse, check, lambda parsed: ('annotations', annotation_columns(parsed, texts)))


def check_detection_file(path: Path, annotation_file: Path, *, named_by: str,
                         score_threshold: float | None = None) -> Findings:
    """The same of the boxes of a detector, which are held for the next reader if they are parsed.

    Args:
        path: the file.
        annotation_file: that is read with it, checked before.
        named_by: the place in the config that names the boxes, for messages.
        score_threshold: see :func:`~distilpose.annotations.check_detections`.

    Raises:
        DistilPoseError: as :func:`~distilpose.annotations.check_detections`, or the file is no JSON.
    """
    def parse() -> tuple[Any, dict[str, Any]]:
        try:
            return data_files.read_json(path, keep=True), {}
        except DistilPoseError as error:
            raise DistilPoseError(f'{error}; {named_by} must name a list of boxes: [{{"image_id": 1, "category_id": 1, '
                                  '"bbox": [x, y, width, height], "score": 0.9}, ...]') from error

    def check(parsed: Any) -> Findings:
        images, with_people = _images(annotation_file)
        return check_detections(parsed, images, path=path, named_by=named_by, images_with_people=with_people,
                                score_threshold=score_threshold)

    key = _key('detections', path, named_by, annotation_file, score_threshold) if _folder(path) else ''
    return _checked(path, key, parse, check, lambda parsed: ('detections', detection_columns(parsed)))


def image_names(path: Path) -> dict[int, str]:
    """Id -> ``file_name`` of the images of a checked annotation file, ``''`` for an image without a name."""
    stored = stored_file(path)
    if stored is not None and stored.kind == 'annotations':
        return {number: stored.name(row) for row, number in enumerate(stored.column('image_id').tolist())}
    return {image['id']: str(image.get('file_name') or '') for image in _content(path)['images']}


def images_with_people(path: Path) -> set[int]:
    """Ids of the images with people of a checked annotation file."""
    return _images(path)[1]


def _content(path: Path) -> dict[str, Any]:
    return data_files.read_annotations(path, keep=xtcoco.is_used())


def _images(annotations: Path) -> tuple[set[int], set[int]]:
    """Ids of the images of an annotation file, and of those with people."""
    stored = stored_file(annotations)
    if stored is not None and stored.kind == 'annotations':
        ids = stored.column('image_id')
        return set(ids.tolist()), set(ids[stored.column('image_has_people')].tolist())
    content = _content(annotations)
    return {image['id'] for image in content['images']}, checks.images_with_people(content)


def _folder(path: str | Path) -> Path | None:
    if not xtcoco.is_used() or '://' in str(path):
        return None
    try:
        return cache_folder.folder_of(path)
    except OSError:
        return None  # the reader of the file raises


def _checked(path: Path, key: str, parse: Callable[[], tuple[Any, dict[str, Any]]], check: Callable[[Any], Findings],
             to_columns: Callable[[Any], tuple[str, Columns]]) -> Findings:
    folder = _folder(path)
    if folder is None:
        return check(parse()[0])
    found = _findings(folder, key)
    if found is not None:
        return found
    with cache_folder.lock(folder, on_wait=lambda: print_log(f'Waiting for another process that reads {path}',
                                                             'current', logging.INFO)):
        found = _findings(folder, key)
        if found is None:
            with data_files.without_garbage_collection():
                parsed, facts = parse()
                found = check(parsed)
                if (folder if open_folder(folder) else _store(path, folder, parsed, facts, to_columns)) is not None:
                    _keep(folder, key, found)
    return found


def _store(path: Path, folder: Path, parsed: Any, facts: Mapping[str, Any],
           to_columns: Callable[[Any], tuple[str, Columns]]) -> Path | None:
    """Writes the columns of a file, or that it has none."""
    try:
        kind, columns = to_columns(parsed)
    except Unusual as error:
        print_log(f'{path} is parsed at every start: it has {error}', 'current', logging.INFO)
        kind, columns = 'unusual', Columns({}, {})
    columns.facts.update(facts)
    return folder if write_folder(folder, kind, columns) else None


def _key(*parts: Any) -> str:
    """Of a check: what is expected, of which file, by which code."""
    texts = [cache_folder.checksum(part) if index > 1 and isinstance(part, Path) else str(part)
             for index, part in enumerate(parts)]
    texts += [os.getcwd(), os.environ.get(ALLOWED_FOLDERS, ''), _code()]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:24]


@functools.cache
def _code() -> str:
    """Changes with the code of the checks."""
    folder = Path(checks.__path__[0])
    return hashlib.sha256(b''.join(file.read_bytes() for file in sorted(folder.glob('*.py')))).hexdigest()


def _findings(folder: Path, key: str) -> Findings | None:
    """What a check found before, where the stored file is whole."""
    try:
        kept = json.loads((folder / f'check-{key}.json').read_bytes())
        return Findings.from_json(kept) if open_folder(folder) is not None else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # there is none, or another one than this version writes: the file is checked


def _keep(folder: Path, key: str, found: Findings) -> None:
    cache_folder.write_small(folder / f'check-{key}.json', json.dumps(found.to_json()))
