"""A contact sheet of a few annotations that a check found unusual: image, box, keypoints and ids."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distilpose.annotations import PERSON, Finding, Findings
from distilpose.host import data_files
from distilpose.report.sheets import Drawn, annotation_panel, box_of, keypoints_of, write_sheet

from ..config.tree import ConfigTree
from ..image_files import read_image

FILE = 'annotations.png'
"""In a work directory."""
MOST, COLUMNS, CELL = 24, 4, (360, 270)
"""Annotations of a sheet, of a row, and width and height of a picture in pixels."""
OF_A_KIND = 3
"""Annotations of a warning, or of an error, that are drawn."""
_LINE, _LINES = 44, 3  # letters, and lines of the caption


@dataclass(frozen=True)
class Case:
    """Something to draw."""

    text: str
    """In short: the kind of a warning, or what is wrong."""
    image_id: Any
    entries: Sequence[Mapping[str, Any]]
    """Annotations on that image; none draws the image alone."""
    is_error: bool = False


def draw_cases(file: Path, cases: Sequence[Case], *, images: Mapping[Any, Mapping[str, Any]], folder: Path | None,
               names: Sequence[str] = (), links: Sequence[tuple[int, int]] = ()) -> Path | None:
    """Writes a PNG file of some annotations; those of a kind one after the other.

    Args:
        file: of the picture.
        cases: what to draw; the first :data:`MOST`.
        images: id -> entry of an image with ``file_name``, and perhaps ``width`` and ``height``.
        folder: that the names start from; ``None`` draws boxes and keypoints without the image.
        names: of the keypoints.
        links: pairs of keypoints.

    Returns:
        The file; ``None`` where there is nothing to draw.
    """
    panels = [_panel(case, images.get(case.image_id) if _is_key(case.image_id) else None, folder, names, links)
              for case in cases[:MOST]]
    if not panels:
        return None
    write_sheet(file, panels, columns=COLUMNS)
    return file


def draw_findings(file: Path, trees: Sequence[ConfigTree]) -> Path | None:
    """Writes a PNG file of a few annotations of each warning about the annotation files of a checked config.

    Args:
        file: of the picture.
        trees: of the config, with the findings of its checks.

    Returns:
        The file; ``None`` where there is nothing to draw.
    """
    panels = [panel for tree in trees for findings in tree.findings if findings.warnings
              for panel in _panels(findings, _dataset_of(tree, findings.path))]
    if not panels:
        return None
    write_sheet(file, panels[:MOST], columns=COLUMNS)
    return file


def _panels(findings: Findings, dataset: Mapping[str, Any] | None) -> Iterator[np.ndarray]:
    if dataset is None:
        return
    content = data_files.read_json(_annotations_of(dataset), keep=True)
    found = data_files.read_json(findings.path, keep=True)
    boxes = found if isinstance(found, list) else None
    entries = {one['id']: one for one in content['annotations']} if boxes is None else dict(enumerate(
        box for box in boxes if box.get('category_id') == PERSON))
    category: Mapping[str, Any] = next((one for one in content.get('categories') or () if one.get('keypoints')), {})
    prefix = dataset.get('data_prefix')
    folder = Path(dataset.get('data_root') or '', (prefix.get('img') or '') if isinstance(prefix, Mapping) else '')
    images = {one['id']: one for one in content['images']}
    for warning in findings.warnings:
        for case in cases_of(warning, entries):
            yield _panel(case, images.get(case.image_id), folder, category.get('keypoints') or (), ())


def cases_of(warning: Finding, entries: Mapping[Any, Mapping[str, Any]]) -> list[Case]:
    """A few annotations of a warning, to be drawn.

    Args:
        warning: the finding.
        entries: the annotations, or boxes, by the ids of findings.
    """
    if not warning.annotation_ids:
        return [Case(warning.kind, image, []) for image in warning.image_ids[:OF_A_KIND]]
    found = [entries[number] for number in warning.annotation_ids[:OF_A_KIND] if number in entries]
    return [Case(warning.kind, entry.get('image_id'), [entry]) for entry in found]


def _annotations_of(dataset: Mapping[str, Any]) -> Path:
    return Path(dataset.get('data_root') or '', dataset['ann_file'])


def _dataset_of(tree: ConfigTree, path: str) -> Mapping[str, Any] | None:
    """The data set that reads a file."""
    for _, dataset in tree.below(*(f'{loader}_dataloader' for loader in tree.loaders)):
        if isinstance(dataset.get('ann_file'), str) and path in (str(_annotations_of(dataset)),
                                                                 str(dataset.get('bbox_file'))):
            return dataset
    return None


def _is_key(value: Any) -> bool:
    return isinstance(value, (int, float, str))


def _panel(case: Case, image: Mapping[str, Any] | None, folder: Path | None, names: Sequence[str],
           links: Sequence[tuple[int, int]]) -> np.ndarray:
    drawn = [Drawn(f'id {entry["id"]}' if 'id' in entry else 'box', box_of(entry), keypoints_of(entry))
             for entry in case.entries]
    name = image.get('file_name') if image is not None else None
    pixels = read_image(folder / name) if folder is not None and isinstance(name, str) else None
    width, height = ((image or {}).get(side) for side in ('width', 'height'))
    has_size = isinstance(width, (int, float)) and isinstance(height, (int, float))
    size = (float(width), float(height)) if has_size else None  # type: ignore[arg-type]
    who = f'annotation {case.entries[0].get("id", "?")}, ' if case.entries else ''
    lines = textwrap.wrap(('error: ' if case.is_error else '') + case.text, _LINE, max_lines=_LINES, placeholder=' ...')
    caption = [*lines, *[''] * (_LINES - len(lines)), f'{who}image {case.image_id}', str(name or 'no image')]
    return annotation_panel(pixels, drawn, caption=caption, cell=CELL, names=names, links=links,
                            size=size or _extent(drawn))


def _extent(drawn: Sequence[Drawn]) -> tuple[float, float] | None:
    """The size of an image that is not known, by what is on it."""
    ends = [(one.box[0] + one.box[2], one.box[1] + one.box[3]) for one in drawn if one.box is not None]
    return (max(end[0] for end in ends), max(end[1] for end in ends)) if ends else None
