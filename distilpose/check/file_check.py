"""Check of an annotation or detection file without a config: all errors and warnings, some of them drawn."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from distilpose.annotations.all_errors import MOST, ContentError, all_detection_errors, all_errors, by_kind
from distilpose.annotations.findings import Finding, Findings, agree
from distilpose.annotations.summary import (
    describe_boxes,
    describe_coco,
    describe_labelled,
    expected_of,
    keypoint_names,
    more_than_named,
    skeleton_links,
)
from distilpose.host import data_files

from ..checkpoints.writing import write_atomically
from ..config.metainfo import names_of
from ..datasets.coco_guess import CocoFile, folders_with_images
from ..datasets.mpii_files import check_person
from ..datasets.unlabelled_files import read_boxes
from ..engine.work_dir import check_writable
from ..errors import DistilPoseError, printable
from ..image_files import ImageTable, check_images, missing_files
from .annotation_sheet import FILE, OF_A_KIND, Case, cases_of, draw_cases

LOG = 'check.txt'
"""In the work directory."""
_LONGEST = 400
_FORMS = ('expected annotations in COCO format (images, annotations, categories), boxes of a detector ([{"image_id": '
          '1, "category_id": 1, "bbox": [x, y, width, height], "score": 0.9}, ...]), people of MPII ([{"image": '
          '"a.jpg", "center": [x, y], "scale": 1, "joints": ...}, ...]), or boxes by image ({"a.jpg": [[x, y, width, '
          'height], ...]})')
_OF_A_CONFIG = re.compile(r' \(named by \)|, or leave out more: --cfg-options \S+|'
                          r' To go on all the same: --cfg-options \S+')
_MPII = dict(from_file='configs/_base_/datasets/mpii.py')


@dataclass
class FileCheck:
    """What is in a file, what is wrong with it, and where."""

    file: Path
    lines: list[str] = field(default_factory=list)
    """What is in it."""
    errors: dict[str, list[ContentError]] = field(default_factory=dict)
    """By kind."""
    warnings: list[Finding] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    """A few annotations to draw."""
    images: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)
    """Image id -> its entry, with ``file_name``."""
    folder: Path | None = None
    """Of the images."""
    names: Sequence[str] = ()
    links: Sequence[tuple[int, int]] = ()
    sheet: Path | None = None

    @property
    def count(self) -> int:
        """Of errors."""
        return sum(map(len, self.errors.values()))

    def describe(self) -> str:
        """The report in lines: what is in the file, errors, warnings, where the pictures are."""
        return printable('\n'.join([f'{self.file}', *(f'  {line}' for line in self.lines), *self._problems(),
                                    *([f'Pictures: {self.sheet}'] if self.sheet is not None else [])]))

    def _problems(self) -> Iterator[str]:
        if self.errors:
            more = ', and perhaps more' if any(len(found) >= MOST for found in self.errors.values()) else ''
            yield f'{self.count:,} error{"s" * (self.count > 1)}{more}:'
        for found in self.errors.values():
            for error in found[:OF_A_KIND]:
                yield f'  - {error.sentence[:_LONGEST]}'
            if len(found) > OF_A_KIND:
                yield f'    and {len(found) - OF_A_KIND:,} more of this kind'
        if self.warnings:
            yield f'{len(self.warnings)} warning{"s" * (len(self.warnings) > 1)}:'
            for warning in self.warnings:
                yield f'  - {warning.sentence}'
        if not self.errors and not self.warnings:
            yield 'No errors and no warnings.'


def check_file(file: str | Path, *, images: str | Path | None = None, annotations: str | Path | None = None,
               work_dir: str | Path | None = None) -> FileCheck:
    """Checks an annotation or detection file, and draws what is wrong with it.

    Args:
        file: JSON: annotations in COCO format or of MPII, boxes of a detector, or boxes by image.
        images: the folder that the names of images start from; looked for beside the file by default.
        annotations: of a detection file: the annotations that have its images.
        work_dir: where pictures and the report go; ``work_dirs/<name of the file>/check`` by default. Nothing is
            written where nothing was found.

    Returns:
        What was found; errors of the content are in it.

    Raises:
        DistilPoseError: a file is missing, is no JSON, or of no known form.
    """
    path = Path(file).expanduser()
    for name in (path, *([Path(annotations).expanduser()] if annotations is not None else [])):
        if not name.is_file():
            raise DistilPoseError(f'there is no file {name} (looked from {Path.cwd()})')
        data_files.refuse_code(name)
    folder = Path(images).expanduser() if images is not None else None
    if folder is not None and not folder.is_dir():
        raise DistilPoseError(f'--images {folder} is no folder (looked from {Path.cwd()})')
    content = data_files.read_json(path)
    report = _check_form(path, content, folder=folder,
                         annotations=Path(annotations).expanduser() if annotations is not None else None)
    place = Path(work_dir).expanduser() if work_dir is not None else Path('work_dirs', path.stem, 'check')
    if report.errors or report.warnings:
        _write(report, place)
    return report


def _check_form(path: Path, content: Any, *, folder: Path | None, annotations: Path | None) -> FileCheck:
    report = FileCheck(path, folder=folder)
    first = next((one for one in content if isinstance(one, Mapping)), {}) if isinstance(content, list) else {}
    if isinstance(content, Mapping) and {'images', 'annotations', 'categories'} & set(content):
        data_files.zero_unlabelled(content.get('annotations'), path)
        _check_coco(report, content)
    elif isinstance(content, list) and ('image' in first or 'joints' in first or 'center' in first):
        _check_mpii(report, content)
    elif isinstance(content, list) and {'bbox', 'score', 'image_id'} & set(first):
        _check_detections(report, content, annotations)
    elif isinstance(content, Mapping) and content and all(isinstance(boxes, list) for boxes in content.values()):
        _check_boxes_by_image(report, content)
    else:
        state = f'a {type(content).__name__}' + (f' with {sorted(map(str, content))[:6]}'
                                                 if isinstance(content, Mapping) else f' of {len(content)} entries'
                                                 if isinstance(content, list) else '')
        raise DistilPoseError(f'{path} holds {state}; {_FORMS}')
    return report


def _check_coco(report: FileCheck, content: Mapping[str, Any]) -> None:
    report.lines += describe_coco(content)
    report.images = _by_id(content.get('images'))
    report.names = keypoint_names(content)
    report.links = skeleton_links(content, len(report.names))
    report.folder = _find_folder(report, list(report.images.values()))
    place = str(report.folder.absolute()) if report.folder is not None else None
    errors, findings = all_errors(content, expected_of(content, folder=place), path=report.file)
    _take(report, errors, findings, _by_id(content.get('annotations')))
    unnamed = more_than_named(content)
    report.warnings += [unnamed] if unnamed is not None else []
    _check_images(report)


def _find_folder(report: FileCheck, images: Sequence[Mapping[str, Any]]) -> Path | None:
    """The folder that was named, or the one beside the file that has most of the images; a line names it."""
    named = [image for image in images if isinstance(image.get('file_name'), str)]
    if report.folder is not None or not named:
        return report.folder
    counts = folders_with_images(CocoFile(report.file, dict(images=named)))
    best = max(counts, key=lambda place: counts[place])
    if 2 * counts[best] < min(len(named), sum(counts.values())) or not counts[best]:
        report.lines.append('images: in no folder beside the file, so that they are not looked at; name it with '
                            '--images DIR')
        return None
    report.lines.append(f'images in {best}')
    return best


def _check_images(report: FileCheck) -> None:
    """Whether image files are there, can be read, and have the size in the file."""
    named = [image for image in report.images.values() if isinstance(image.get('file_name'), str)]
    if report.folder is None or not named:
        return
    errors = []
    for _ in range(2):  # once more without those that are missing
        try:
            found = check_images(_table(report, named))
            report.warnings += [replace(finding, sentence=_without_options(finding.sentence)) for finding in found]
            break
        except DistilPoseError as error:
            errors.append(ContentError(_without_options(str(error))))
        missing = set(missing_files(str(report.folder), [image['file_name'] for image in named]))
        named = [image for place, image in enumerate(named) if place not in missing]
        if not missing or not named:
            break
    report.errors.update({'images': errors} if errors else {})


def _table(report: FileCheck, images: Sequence[Mapping[str, Any]]) -> ImageTable:
    sizes = [(image.get('width'), image.get('height')) for image in images]
    has_sizes = all(isinstance(side, (int, float)) for size in sizes for side in size)
    return ImageTable(str(report.file), '', str(report.folder), [image['file_name'] for image in images],
                      [image['id'] for image in images], np.array(sizes, dtype=float) if has_sizes else None)


def _without_options(sentence: str) -> str:
    """A sentence without what only a config has."""
    return re.sub(r'--data-root DIR or --cfg-options \S+', '--images DIR', _OF_A_CONFIG.sub('', sentence))


def _take(report: FileCheck, errors: Sequence[ContentError], findings: Findings | None,
          entries: Mapping[Any, Mapping[str, Any]]) -> None:
    """Puts errors and findings into a report, with a few of each kind to draw."""
    report.errors = by_kind(errors, report.file)
    if findings is not None:
        report.lines.append(findings.summary().partition(': ')[2])
        report.warnings += findings.warnings
    for found in report.errors.values():
        report.cases += [Case(_in_short(error.sentence, report.file), error.image_id,
                              [error.entry] if error.entry is not None else [], is_error=True)
                         for error in found[:OF_A_KIND] if error.image_id is not None]
    for warning in report.warnings:
        report.cases += cases_of(warning, entries)


def _in_short(sentence: str, file: Path) -> str:
    """``the bbox is [1, 2]``, of ``the bbox of annotation 7 of FILE is [1, 2]; expected ...``."""
    where, _, found = sentence.partition(str(file))
    return f'{where.strip().removesuffix(" of").partition(" of ")[0]}{found.partition("; expected")[0]}'


def _by_id(entries: Any) -> dict[Any, Mapping[str, Any]]:
    return {one['id']: one for one in entries if isinstance(one, Mapping) and isinstance(one.get('id'), (int, str))
            } if isinstance(entries, list) else {}


def _check_detections(report: FileCheck, boxes: list[Any], annotations: Path | None) -> None:
    known, with_people = None, set()
    if annotations is not None:
        content = data_files.read_annotations(annotations)
        report.images = _by_id(content.get('images'))
        report.folder = _find_folder(report, list(report.images.values()))
        known = {number for number in report.images if type(number) is int}
        with_people = {one.get('image_id') for one in content.get('annotations') or () if isinstance(one, Mapping)
                       and any((one.get('keypoints') or ())[2::3])}
    found = [box for box in boxes if isinstance(box, Mapping)]
    numbers = [box['score'] for box in found if isinstance(box.get('score'), (int, float))
               and math.isfinite(box['score'])]
    categories = Counter(str(box.get('category_id')) for box in found)
    images = len({str(box.get('image_id')) for box in found})
    report.lines.append(f'boxes of a detector: {len(boxes):,} on {images:,} {agree("{image|images}", images)}, '
                        f'categories: {", ".join(f"{name} ({n:,})" for name, n in categories.most_common(5))}')
    report.lines += describe_boxes(_boxes(box.get('bbox') for box in found))
    if numbers:
        report.lines.append(f'scores: {min(numbers):.3f} to {max(numbers):.3f}, median {np.median(numbers):.3f}')
    if known is None:
        report.lines.append('images: not known; name the annotations that have them with --annotations FILE')
    errors, findings = all_detection_errors(boxes, known, path=report.file, images_with_people=with_people)
    _take(report, errors, findings, dict(enumerate(found)))


def _boxes(values: Iterator[Any]) -> np.ndarray:
    kept = [box[:4] for box in values if isinstance(box, list) and len(box) >= 4
            and all(isinstance(value, (int, float)) for value in box[:4])]
    table = np.array(kept, dtype=float).reshape(-1, 4)
    return table[np.isfinite(table).all(axis=1)]


def _check_mpii(report: FileCheck, people: list[Any]) -> None:
    lengths = Counter(len(one['joints']) for one in people if isinstance(one, Mapping)
                      and isinstance(one.get('joints'), list))
    count = lengths.most_common(1)[0][0] if lengths else 16
    report.names = names_of(_MPII, entry='mpii') if count == 16 else [str(index) for index in range(count)]
    errors: list[ContentError] = []
    usable: list[Mapping[str, Any]] = []
    for place, person in enumerate(people):
        try:
            check_person(person, f'person {place} of {report.file}', count)
        except DistilPoseError as error:
            errors.append(ContentError(str(error), *((person.get('image'), _as_coco(person, place))
                                                     if isinstance(person, Mapping) else ())))
            continue
        usable.append(person)
    images = list(dict.fromkeys(str(one['image']) for one in usable))
    report.images = {name: dict(id=name, file_name=name) for name in images}
    report.lines.append(f'people of MPII: {len(people):,} on {len(images):,} images, '
                        f'{sum("headbox" in one for one in usable):,} with a head box')
    entries = {place: _as_coco(one, place) for place, one in enumerate(usable)}
    report.lines += describe_boxes(_boxes(one['bbox'] for one in entries.values()))
    values = [one['joints_vis'] for one in usable if 'joints_vis' in one]
    if values:
        report.lines += describe_labelled(np.array(values, dtype=float) > 0, report.names)
    report.folder = _find_folder(report, list(report.images.values()))
    _take(report, errors, Findings(str(report.file), len(people), len(usable), len(images),
                                   warnings=tuple(_mpii_warnings(report.file, usable))), entries)
    _check_images(report)


def _as_coco(person: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A person of MPII, whose positions count from 1, as an annotation: the box that the data set makes, keypoints."""
    entry: dict[str, Any] = dict(id=place, image_id=person.get('image'))
    center, scale = person.get('center'), person.get('scale')
    if isinstance(scale, (int, float)) and isinstance(center, list) and len(center) == 2 and all(
            isinstance(value, (int, float)) for value in center):
        side = 200.0 * scale
        entry['bbox'] = [center[0] - 1 - side / 2, center[1] - 1 + 15 * scale - side / 2, side, side]
    joints, visible = person.get('joints'), person.get('joints_vis')
    if isinstance(joints, list) and isinstance(visible, list) and len(joints) == len(visible) and all(
            isinstance(joint, list) and len(joint) == 2 for joint in joints):
        entry['keypoints'] = [value for (x, y), seen in zip(joints, visible, strict=True) for value in
                              ((x - 1 if isinstance(x, (int, float)) else x), (y - 1 if isinstance(y, (int, float))
                                                                               else y), seen)]
    return entry


def _mpii_warnings(file: Path, people: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    rules = (('box of no size', lambda one: one['scale'] <= 0, 'have a scale of 0 or below, and are left out'),
             ('no labelled keypoint', lambda one: 'joints_vis' in one and not any(one['joints_vis']),
              'have no labelled joint; nothing is learned of them'),
             ('no head box', lambda one: 'headbox' in one and not (
                 one['headbox'][2] > one['headbox'][0] and one['headbox'][3] > one['headbox'][1]),
              'have an empty head box; they count as missed in PCKh'))
    for kind, applies, text in rules:
        places = [place for place, one in enumerate(people) if applies(one)]
        if places:
            yield Finding(kind, f'{len(places):,} people of {file} {text}; the first is person {places[0]} '
                          f'({people[places[0]]["image"]})', len(places), annotation_ids=tuple(places[:20]))


def _check_boxes_by_image(report: FileCheck, content: Mapping[str, Any]) -> None:
    try:
        boxes = read_boxes(report.file)
    except DistilPoseError as error:
        report.errors = {'boxes': [ContentError(str(error))]}
        return
    count = sum(map(len, boxes.values()))
    report.lines.append(f'boxes by image: {count:,} on {len(content):,} images')
    if count:
        report.lines += describe_boxes(np.concatenate([found for found in boxes.values() if len(found)]))


def _write(report: FileCheck, place: Path) -> None:
    check_writable(place.absolute(), name='--work-dir')
    place.mkdir(parents=True, exist_ok=True)
    report.sheet = draw_cases(place / FILE, report.cases, images=report.images, folder=report.folder,
                              names=report.names, links=report.links)
    write_atomically(place / LOG, report.describe() + '\n')
